export function zip(files: readonly { readonly name: string; readonly data: Uint8Array }[]): Buffer;
