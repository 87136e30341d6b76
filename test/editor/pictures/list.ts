/** The pictures that the documentation has, by the guest that is shown: the names of their files in docs/images. */

/** What `npm run pictures` makes, and which scene makes it. */
export const PICTURES = {
  'paging-lab': [
    'paging-lab', 'show-panel', 'registers', 'descriptor-tables', 'page-fault', 'who-wrote', 'time', 'machines',
  ],
  'debian': [
    'debian', 'linux', 'page-tables', 'physical-memory', 'translations', 'profile', 'devices',
  ],
  'disk': [
    'screen', 'disks', 'disk-image',
  ],
} as const;

export type Scene = keyof typeof PICTURES;
export type PictureName = (typeof PICTURES)[Scene][number];

/** A picture's file may be so large: all of them are downloaded with a clone. */
export const LARGEST_PICTURE = 150 * 1024;
