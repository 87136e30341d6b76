export interface PackedFile { readonly name: string; readonly data: Buffer }
export function extensionFiles(): Promise<PackedFile[]>;
export function buildVsix(): Promise<{ readonly name: string; readonly archive: Buffer; readonly files: PackedFile[] }>;
