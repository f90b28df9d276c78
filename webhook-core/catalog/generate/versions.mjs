// The pinned versions of versions.json, the newest first: each API version of Stripe with the packages that describe it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './source.mjs';

export const here = path.dirname(fileURLToPath(import.meta.url));
export const npmFolder = (npm) => path.join(here, 'node_modules', `stripe-${npm}`);
export const pypiFolder = (pypi) => path.join(here, '.pypi', pypi);

export const readPins = () => JSON.parse(readFileSync(path.join(here, 'versions.json'), 'utf8'));

/** The release of an API version: `acacia`; the date itself where it has no name. */
export const releaseOf = (api) => api.split('.')[1] ?? api;

/** The releases from `since` until `until`, the newest first; without an end, all. */
export function releasesWithin(pins, { since, until }) {
  const releases = pins.map((pin) => releaseOf(pin.api));
  const at = (release, otherwise) => {
    if (release === undefined) return otherwise;
    if (!releases.includes(release)) fail(`exceptions.mjs names the release ${release}, which is not pinned`);
    return releases.indexOf(release);
  };
  return releases.slice(at(until, 0), at(since, releases.length - 1) + 1);
}
