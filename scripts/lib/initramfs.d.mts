/** An initial RAM file system as a cpio archive. */
export function initramfs(contents: {
  readonly folders?: readonly string[];
  readonly programs?: Readonly<Record<string, Buffer>>;
  readonly links?: Readonly<Record<string, string>>;
}): Buffer;
