/**
 * Says where UEFI firmware built for QEMU's PC (OVMF) is mapped: code at the end of the first 4 GiB, the flash chip with its variables
 * right below.
 *
 * Source: UEFI Platform Initialization Specification 1.8, vol. 3, 3.2.1 (firmware volume header); OVMF's flash layout (OvmfPkg).
 */
import { hasText, readableSize, u32 } from './bytes';
import { loadError } from './load-error';
import type { FirmwareMapping } from './platform';

const FOUR_GIB = 0x1_0000_0000;
const PAGE = 4096;
/** Offsets in a firmware volume's header: file system GUID, length (64 bits), signature. */
const VOLUME = { guid: 0x10, length: 0x20, signature: 0x28 } as const;
/** EFI_SYSTEM_NV_DATA_FV_GUID: a volume of variables, not of files. First dword. */
const VARIABLES_GUID = 0xfff1_2b8d;
/** The low copy, at which a processor without its upper address lines would look. */
const LOW_WINDOW = 0x2_0000;
const LOW_WINDOW_END = 0x10_0000;
const LARGEST = 0x100_0000;

export interface UefiPlaces {
  readonly mappings: readonly FirmwareMapping[];
  /** The chip with the variables. */
  readonly flash: { readonly address: number; readonly bytes: Uint8Array };
}

/** Whether an image begins with a firmware volume. */
export function isUefi(image: Uint8Array): boolean {
  return hasText(image, VOLUME.signature, '_FVH');
}

const isVariableStore = (image: Uint8Array): boolean => isUefi(image) && u32(image, VOLUME.guid) === VARIABLES_GUID;

/** Code and variables, from two files or from one that has the variables first. */
function parts(image: Uint8Array, variables: Uint8Array | undefined): { code: Uint8Array; variables: Uint8Array } {
  if (isVariableStore(image)) {
    const bytes = u32(image, VOLUME.length);
    return { code: image.subarray(bytes), variables: variables ?? image.subarray(0, bytes) };
  }
  if (variables === undefined) {
    throw loadError('firmware', 'The UEFI firmware has no variable store in it, and there is none beside it.', 'Put OVMF_VARS.fd next to OVMF_CODE.fd, or name a build that has both in one file.');
  }
  return { code: image, variables };
}

/**
 * @param image OVMF_CODE.fd, or OVMF.fd with variables and code
 * @param variables OVMF_VARS.fd
 * @throws LoadError 'firmware' when something is missing, or has an impossible size
 */
export function placeUefi(image: Uint8Array, variables: Uint8Array | undefined): UefiPlaces {
  const found = parts(image, variables);
  const total = found.code.length + found.variables.length;
  if (!isVariableStore(found.variables) || found.code.length < LOW_WINDOW || found.code.length % PAGE !== 0 || found.variables.length % PAGE !== 0 || total > LARGEST) {
    throw loadError('firmware', `The UEFI firmware has ${readableSize(found.code.length)} of code and ${readableSize(found.variables.length)} of variables, which is no build for QEMU's PC.`, 'Take the files of one build of OVMF (Debian: package ovmf).');
  }
  const code = FOUR_GIB - found.code.length;
  return {
    mappings: [
      { address: code, bytes: found.code, writable: false },
      { address: LOW_WINDOW_END - LOW_WINDOW, bytes: found.code.slice(found.code.length - LOW_WINDOW), writable: true },
    ],
    flash: { address: code - found.variables.length, bytes: found.variables },
  };
}
