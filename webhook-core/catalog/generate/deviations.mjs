// ../src/deviations.txt, which is written by hand, lists where single events differ from their object's type. This checks
// its sources: each must still say so, and a new sentence of that kind must be added to the file.
import { readFileSync } from 'node:fs';
import { fail } from './source.mjs';

/** Sentences that say that an event lacks a field, or is the only one to send it. */
const saysSo = [/\bwill not have an? [\w ]*\bID\b/i, /\bwill only be non-null during an? `([a-z_.]+)`/i];

export function checkDeviations(stripe, text) {
  const known = new Set(
    text.split('\n')
      .filter((line) => line && !line.startsWith('#'))
      .map((line) => line.split(' ')[3].replace(/^npm:stripe\//, '')),
  );
  const found = new Set();
  for (const { place, doc } of stripe.allDocs()) {
    if (saysSo.some((sentence) => sentence.test(doc))) found.add(place);
  }
  const unanswered = [...found].filter((place) => !known.has(place));
  const gone = [...known].filter((place) => place.startsWith('esm/') && !found.has(place));
  if (unanswered.length) fail(`deviations.txt has no answer to what is said of ${unanswered.join(', ')}`);
  if (gone.length) fail(`deviations.txt names sources that say so no more: ${gone.join(', ')}`);
}
