/** What stress-ng is asked, and what it says (stress-ng(1)). */

/** The command that runs a stressor for a second, and says how much it has done. */
export const forASecond = (stressor: string): string => `stress-ng --${stressor} 1 --timeout 1 --oomable --metrics-brief 2>&1`;

/** The command that runs a stressor until it has done so much. */
export const until = (stressor: string, operations: number): string => `stress-ng --${stressor} 1 --${stressor}-ops ${operations} --timeout 600 --oomable >/dev/null 2>&1`;

/** The command that lists the stressors of a class. */
export const listOf = (name: string): string => `stress-ng --class '${name}?'`;

/** The stressors of a list; none when the class is not known. */
export const stressorsOf = (text: string): readonly string[] => /stressors: (.*)/.exec(text)?.[1]?.trim().split(/\s+/) ?? [];

/** How many operations a stressor has done; undefined when it does not say, or has done none. */
export function operationsOf(text: string, stressor: string): number | undefined {
  const words = text.split('\n').filter((line) => line.includes(' metrc: ')).map((line) => line.split(/\s+/)).find((line) => line.includes(stressor)) ?? [];
  const operations = Number(words[words.indexOf(stressor) + 1]);
  return operations > 0 ? operations : undefined;
}
