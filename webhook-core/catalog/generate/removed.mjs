// ../src/moves.txt, which is written by hand, lists where removed fields went. This finds those that it does not contain.
import { releaseOf } from './versions.mjs';

/** Object → the paths of its fields, without the elements of lists and arrays. */
function fieldsOf(tree) {
  const objects = new Map();
  const walk = (nodes, prefix, fields) => {
    for (const { key, inside } of nodes) {
      fields.add(prefix + key);
      walk(inside, `${prefix}${key}.`, fields);
    }
  };
  for (const { key, inside } of tree) {
    const [kind, name] = key.split(' ');
    if (kind !== 'object' && kind !== 'deleted') continue;
    const fields = new Set();
    walk(inside, '', fields);
    objects.set(kind === 'deleted' ? `deleted_${name}` : name, fields);
  }
  return objects;
}

/** "OBJECT FIELD" → the API version that removed it. */
function movesOf(text) {
  const moves = new Map();
  let version = null;
  for (const line of text.split('\n').filter((line) => line && !line.startsWith('#'))) {
    const words = line.trim().split(' ');
    if (line.startsWith('  ')) moves.set(`${words[0]} ${words[1]}`, version);
    else [version] = words;
  }
  return moves;
}

/**
 * The fields that a version lacks and the next older one has, without those inside of such a field, those of objects that
 * went as a whole, and those that are there again in the newest version. `versions` are { api, tree }, the newest first.
 */
export function unansweredRemovals(versions, movesText) {
  const moves = movesOf(movesText);
  const all = versions.map(({ api, tree }) => ({ api, objects: fieldsOf(tree) }));
  const unanswered = [];
  for (const [at, newer] of all.slice(0, -1).entries()) {
    const older = all[at + 1];
    for (const [object, fields] of older.objects) {
      const there = newer.objects.get(object);
      const isRemoved = (field) => there && !there.has(field);
      for (const field of [...fields].filter(isRemoved)) {
        const outer = field.slice(0, Math.max(field.lastIndexOf('.'), 0));
        const version = moves.get(`${object} ${field}`);
        const isRight = version && version > older.api && (version <= newer.api || releaseOf(version) === releaseOf(newer.api));
        if (isRight || (outer && isRemoved(outer)) || all[0].objects.get(object)?.has(field)) continue;
        unanswered.push(`${object} ${field}, which ${older.api} has and ${newer.api} has not`);
      }
    }
  }
  return unanswered;
}
