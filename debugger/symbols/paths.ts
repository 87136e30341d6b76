// Source file names as compilers write them: joining, normalising and comparing, for POSIX and Windows paths alike.

const DRIVE = /^[A-Za-z]:\//;

/** One spelling for a path: forward slashes, no `.` or empty parts, `..` resolved, drive letter in lower case. */
export function normalisePath(path: string): string {
  const slashed = path.replace(/\\/g, "/").replace(DRIVE, drive => drive.toLowerCase());
  const root = DRIVE.test(slashed) ? slashed.slice(0, 3) : slashed.startsWith("/") ? "/" : "";
  const parts: string[] = [];
  for (const part of slashed.slice(root.length).split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts[parts.length - 1] !== "..") parts.pop();
    else if (root === "") parts.push(part);
  }
  return root + parts.join("/");
}

/** A file's normalised path as seen from a directory; the directory is left out if the file's path is absolute. */
export function joinPath(directory: string, file: string): string {
  const absolute = /^([/\\]|[A-Za-z]:[/\\])/.test(file);
  return normalisePath(absolute || directory === "" ? file : `${directory}/${file}`);
}

function commonTail(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < a.length && count < b.length && a[a.length - 1 - count] === b[b.length - 1 - count]) count++;
  return count;
}

/**
 * The known paths that a person most likely means: the one that is equal once normalised, or else those that share
 * the longest tail of whole parts (at least the file name itself). `known` must be normalised.
 */
export function matchPaths(wanted: string, known: readonly string[]): string[] {
  const normal = normalisePath(wanted);
  if (known.includes(normal)) return [normal];
  const parts = normal.split("/");
  let longest = 1;
  let best: string[] = [];
  for (const path of known) {
    const tail = commonTail(parts, path.split("/"));
    if (tail < longest) continue;
    if (tail > longest) best = [];
    longest = tail;
    best.push(path);
  }
  return best;
}
