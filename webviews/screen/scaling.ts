/**
 * How large a guest's picture is shown: pure functions.
 */
export type Scaling = 'fit' | 'whole' | 'actual';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A picture's dots, and the proportions that a monitor shows it in. */
export interface PictureSize extends Size {
  /** Width of the whole picture to its height. */
  readonly aspect: number;
}

/** The largest size with these proportions in the room. */
function fitted(aspect: number, room: Size): Size {
  const width = Math.min(room.width, room.height * aspect);
  return { width: Math.max(1, Math.floor(width)), height: Math.max(1, Math.floor(width / aspect)) };
}

/**
 * Size in CSS pixels. `fit`: as large as there is room, in the right proportions. `whole`: each dot a whole number of the screen's own
 * pixels wide and high, as near to the right proportions as that allows; at least one. `actual`: a dot is one of the screen's own
 * pixels. `density`: the screen's own pixels in a CSS pixel.
 */
export function shownSize(picture: PictureSize, room: Size, scaling: Scaling, density: number): Size {
  const { width, height, aspect } = picture;
  if (scaling === 'fit') return fitted(aspect, room);
  const [across, down] = scaling === 'actual' ? [1, 1] : wholeFactors(picture, { width: room.width * density, height: room.height * density });
  return { width: (across * width) / density, height: (down * height) / density };
}

function wholeFactors({ width, height, aspect }: PictureSize, room: Size): readonly [number, number] {
  for (let down = Math.max(1, Math.floor(room.height / height)); down > 1; down--) {
    const across = Math.max(1, Math.round((down * height * aspect) / width));
    if (across * width <= room.width) return [across, down];
  }
  return [1, 1];
}
