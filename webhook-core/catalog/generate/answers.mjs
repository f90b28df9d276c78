// Finds the answer of exceptions.mjs to a disagreement, and remembers in which releases each was needed.
import { disagreements } from './exceptions.mjs';
import { releasesWithin } from './versions.mjs';

/** The answers over all pinned versions. */
export function answerBook(pins) {
  const entries = disagreements.map((entry) => ({ entry, releases: releasesWithin(pins, entry), needed: new Set() }));
  return {
    /** The answers that hold for one release. */
    of: (release) => ({
      /** The entry for a field of which the sides have this; `pypi` is null where there is no such side. */
      find(path, npm, pypi) {
        const found = entries.find(({ entry, releases }) =>
          entry.path === path && releases.includes(release) && entry.npm === npm && (pypi === null || entry.pypi === pypi));
        found?.needed.add(release);
        return found?.entry ?? null;
      },
    }),
    /** Entries that a release of their range does not need. */
    unneeded: () => entries.flatMap(({ entry, releases, needed }) => releases
      .filter((release) => !needed.has(release))
      .map((release) => `${entry.path}: listed in exceptions.mjs for ${release}, but not needed there`)),
  };
}
