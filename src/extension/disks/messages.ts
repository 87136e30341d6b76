// What the page of a disk image asks of the extension, and the types of the answers: all that the two sides share.
import type { DiskReport, EntryReport } from '../../filesystems/report';
import type { ImageDescription } from '../../monitor/disks/image';

export interface ChainMember {
  readonly path: string;
  readonly fileBytes: number;
  readonly description: ImageDescription;
}

/** What an image is, and what is in it. */
export interface ImageOverview {
  readonly name: string;
  readonly path: string;
  /** The image, the one that it builds on, and so on. Parents by identifiers have been checked (docs/disks.md). */
  readonly chain: readonly ChainMember[];
  /** Missing when the image cannot be opened; `problem` says why. */
  readonly report?: DiskReport;
  readonly problem?: string;
  /** Whether the Hex Editor is installed. */
  readonly hexEditor: boolean;
}

/** Which parts of the disk hold data, for a stretch of it that is divided into cells of equal length. */
export interface BlockMap {
  readonly from: number;
  readonly to: number;
  /** For each cell what part of it holds data, from 0 to 1. */
  readonly cells: readonly number[];
  /** Bytes of the stretch that hold data. */
  readonly dataBytes: number;
  /** It would have taken too long to look at all of it: from here on the cells say nothing. */
  readonly lookedTo: number;
}

/** Request → arguments and answer. */
export interface ImageRequests {
  'image.overview': { arguments: Record<string, never>; answer: ImageOverview };
  'image.blocks': { arguments: { readonly from: number; readonly to: number; readonly cells: number }; answer: BlockMap };
  'image.entries': { arguments: { readonly path: string }; answer: { readonly entries: readonly EntryReport[] } };
  /** Bytes of the disk, base64. */
  'image.bytes': { arguments: { readonly offset: number; readonly bytes: number }; answer: { readonly data: string } };
  'image.open': { arguments: { readonly path: string }; answer: Record<string, never> };
  'image.boot': { arguments: Record<string, never>; answer: Record<string, never> };
  'image.mount': { arguments: Record<string, never>; answer: Record<string, never> };
  'image.hex': { arguments: Record<string, never>; answer: Record<string, never> };
}

export type ImageCommand = keyof ImageRequests;
