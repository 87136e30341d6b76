/**
 * Guest memory as the balloon reaches it: the RAM that the configuration gives the guest, and nothing else that the map has. A page that is taken is
 * written to with zeros, as everybody who watches memory sees it.
 */
import type { BalloonPages } from '../devices/virtio/balloon';
import { EFFORT } from '../memory/effort';
import { PAGE_BYTES } from '../memory/layout';
import type { PhysicalMap } from '../memory/physicalMap';

/** @param device who takes pages, as watchpoints name it */
export function balloonMemory(map: PhysicalMap, memoryBytes: number, device: string): BalloonPages {
  const isMemory = (page: number): boolean => page < memoryBytes / PAGE_BYTES;
  return {
    take: (page) => {
      map.machine.effort.spent += EFFORT.bus + PAGE_BYTES / EFFORT.copied;
      if (!isMemory(page)) return;
      const { watch } = map;
      if (watch?.coversPhysical(page)) watch.write({ linearPage: undefined, physicalPage: page, offset: 0, bytes: PAGE_BYTES, device }, () => void map.balloon(page));
      else map.balloon(page);
    },
    release: (page) => map.deflate(page),
  };
}
