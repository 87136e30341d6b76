/**
 * Variables of the kernel that people look at, and their types in C: BTF has the types, but says only of per-CPU variables which one
 * they are of.
 */
export const KERNEL_VARIABLES: ReadonlyMap<string, string> = new Map([
  ['init_task', 'struct task_struct'], ['init_mm', 'struct mm_struct'], ['init_cred', 'struct cred'], ['init_nsproxy', 'struct nsproxy'],
  ['init_uts_ns', 'struct uts_namespace'], ['init_pid_ns', 'struct pid_namespace'], ['init_user_ns', 'struct user_namespace'],
  ['init_net', 'struct net'], ['init_fs', 'struct fs_struct'], ['init_files', 'struct files_struct'],
  ['modules', 'struct list_head'], ['super_blocks', 'struct list_head'], ['net_namespace_list', 'struct list_head'],
  ['jiffies', 'long unsigned int'], ['jiffies_64', 'u64'], ['nr_threads', 'int'], ['system_state', 'enum system_states'],
  ['boot_cpu_data', 'struct cpuinfo_x86'], ['iomem_resource', 'struct resource'], ['ioport_resource', 'struct resource'],
  ['saved_command_line', 'char *'], ['prb', 'struct printk_ringbuffer *'], ['printk_rb_static', 'struct printk_ringbuffer'],
  ['contig_page_data', 'struct pglist_data'], ['page_offset_base', 'long unsigned int'], ['vmalloc_base', 'long unsigned int'],
  ['vmemmap_base', 'long unsigned int'], ['phys_base', 'long unsigned int'], ['totalreserve_pages', 'long unsigned int'],
  ['root_task_group', 'struct task_group'], ['sysctl_sched_latency', 'unsigned int'], ['panic_on_oops', 'int'], ['file_systems', 'struct file_system_type *'],
  ['kthreadd_task', 'struct task_struct *'], ['cad_pid', 'struct pid *'], ['clocksource_list', 'struct list_head'],
]);
