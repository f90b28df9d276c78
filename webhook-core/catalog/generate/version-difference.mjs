// Writes how one version's text differs from that of the next newer one, and reads such a difference.
// The format is described in README.md.
//
// A text is taken as a tree of its lines: { key, line, inside }, where `line` is without its indentation, and null for a
// line that is removed (`- KEY`). The keys are `snapshot TYPE`, `thin TYPE`, `object NAME`, `deleted NAME`, `data TYPE` and names
// of fields.
import { briefLine, wholeLine } from './enum-changes.mjs';
import { byName, inOrder } from './order.mjs';
import { fail } from './source.mjs';

const keyOfTop = (line) => line.split(' ').slice(0, line.startsWith('api_version ') ? 1 : 2).join(' ');
const keyOfField = (line) => line.match(/^("(?:[^"\\]|\\.)*"|[^"]+?)\??: /)?.[1] ?? fail(`not the line of a field: ${line}`);

export function treeOf(lines) {
  const root = { inside: [] };
  const open = [root]; // the nodes around the next line, by depth
  for (const text of lines) {
    const line = text.trimStart();
    const depth = (text.length - line.length) / 2;
    const removed = line.startsWith('- ');
    const keyOf = depth === 0 ? keyOfTop : keyOfField;
    const node = { key: removed ? line.slice(2) : keyOf(line), line: removed ? null : line, inside: [] };
    if (depth >= open.length) fail(`a line that is too deep: ${text}`);
    open[depth].inside.push(node);
    open.splice(depth + 1, open.length, node);
  }
  return root.inside;
}

export function linesOf(nodes, indent = '') {
  return nodes.flatMap(({ key, line, inside }) => [`${indent}${line ?? `- ${key}`}`, ...linesOf(inside, `${indent}  `)]);
}

const kinds = ['api_version', 'snapshot', 'thin', 'object', 'deleted', 'data'];

/** Events before objects, each by name, the stub of a deleted object after the object. */
function topInOrder(nodes) {
  const place = ({ key }) => {
    const [kind, name] = key.split(' ');
    return { group: Math.min(kinds.indexOf(kind), 3), name, kind: kinds.indexOf(kind) };
  };
  return [...nodes].sort((a, b) => {
    const [left, right] = [place(a), place(b)];
    return left.group - right.group || byName(left.name, right.name) || left.kind - right.kind;
  });
}

const nameOf = ({ key }) => (key.startsWith('"') ? JSON.parse(key) : key);
const sorted = (nodes, isTop) => (isTop ? topInOrder(nodes) : inOrder(nodes, nameOf));
const byKey = (nodes) => new Map(nodes.map((node) => [node.key, node]));

/** What `older` has otherwise than `newer`. */
export function differenceOf(newer, older, isTop = true) {
  const [before, after] = [byKey(newer), byKey(older)];
  const changes = newer.filter(({ key }) => !after.has(key)).map(({ key }) => ({ key, line: null, inside: [] }));
  for (const node of older) {
    const known = before.get(node.key);
    const inside = differenceOf(known?.inside ?? [], node.inside, false);
    if (known?.line !== node.line || inside.length) changes.push({ ...node, line: briefLine(node.line, known?.line), inside });
  }
  return sorted(changes, isTop);
}

/** The text that differs from `newer` by `changes`. */
export function applyDifference(newer, changes, isTop = true) {
  const made = byKey(newer);
  for (const { key, line, inside } of changes) {
    if (line === null && !made.has(key)) fail(`${key} is removed, but is not there`);
    if (line === null) made.delete(key);
    else {
      const known = made.get(key);
      made.set(key, { key, line: wholeLine(line, known?.line), inside: applyDifference(known?.inside ?? [], inside, false) });
    }
  }
  return sorted(made.values(), isTop);
}
