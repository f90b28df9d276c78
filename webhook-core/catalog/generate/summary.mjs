// Summaries of what changed between two states of the generated files.

/** Name → what it is, of events.txt. */
function eventsOf(text) {
  const events = new Map();
  for (const line of text.split('\n')) {
    const [kind, name, ...rest] = line.split(' ');
    if (kind === 'api_version') events.set('api_version', name);
    if (kind === 'snapshot' || kind === 'thin') events.set(`${kind} ${name}`, rest.join(' '));
  }
  return events;
}

/** Path → type, of objects.txt: "charge" → "object", "charge.amount" → "integer". */
function fieldsOf(text) {
  const fields = new Map();
  let path = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (!line.startsWith(' ')) {
      const [kind, name] = line.split(' ');
      path = [kind === 'object' ? name : `${kind} ${name}`];
      fields.set(path[0], kind);
      continue;
    }
    const [, indent, name, optional, type] = line.match(/^( +)(.+?)(\??): (.*)$/);
    path = [...path.slice(0, indent.length / 2), name];
    fields.set(path.join('.'), (optional ? 'optional ' : '') + type);
  }
  return fields;
}

/** An enum's values, and the type without them. */
function enumOf(type) {
  const match = type.match(/^(.*enum<)(.*?)(>.*)$/);
  if (!match) return null;
  return { values: match[2].match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [], rest: match[1] + match[3] };
}

const without = (a, b) => a.filter((value) => !b.includes(value));
const parentOf = (path) => path.slice(0, Math.max(path.lastIndexOf('.'), 0));

export function difference(before, after) {
  const out = [];
  const section = (title, lines) => {
    if (lines.length) out.push(`${title} (${lines.length}):`, ...lines.map((line) => `  ${line}`), '');
  };

  const [oldEvents, newEvents] = [eventsOf(before.get('events.txt')), eventsOf(after.get('events.txt'))];
  const [oldNames, newNames] = [[...oldEvents.keys()], [...newEvents.keys()]];
  section('events added', without(newNames, oldNames));
  section('events removed', without(oldNames, newNames));
  section('events changed', newNames
    .filter((name) => oldEvents.has(name) && oldEvents.get(name) !== newEvents.get(name))
    .map((name) => `${name}: ${oldEvents.get(name)} -> ${newEvents.get(name)}`));

  const [oldFields, newFields] = [fieldsOf(before.get('objects.txt')), fieldsOf(after.get('objects.txt'))];
  const isField = (fields) => (path) => !['object', 'deleted', 'data'].includes(fields.get(path)); // no type is called so
  // for a whole subtree that was added or removed, only its root is listed
  const roots = (from, to) => [...from.keys()].filter((p) => !to.has(p) && !(from.has(parentOf(p)) && !to.has(parentOf(p))));
  const [added, removed] = [roots(newFields, oldFields), roots(oldFields, newFields)];
  section('objects added', added.filter((p) => !isField(newFields)(p)));
  section('objects removed', removed.filter((p) => !isField(oldFields)(p)));
  section('fields added', added.filter(isField(newFields)).map((p) => `${p}: ${newFields.get(p)}`));
  section('fields removed', removed.filter(isField(oldFields)).map((p) => `${p}: ${oldFields.get(p)}`));

  const changed = [];
  const [valuesAdded, valuesRemoved] = [[], []];
  for (const [path, type] of newFields) {
    const old = oldFields.get(path);
    if (old === undefined || old === type) continue;
    const [left, right] = [enumOf(old), enumOf(type)];
    if (!left || !right) {
      changed.push(`${path}: ${old} -> ${type}`);
      continue;
    }
    if (left.rest !== right.rest) changed.push(`${path}: ${left.rest} -> ${right.rest}`);
    const [came, went] = [without(right.values, left.values), without(left.values, right.values)];
    if (came.length) valuesAdded.push(`${path}: ${came.join(' ')}`);
    if (went.length) valuesRemoved.push(`${path}: ${went.join(' ')}`);
  }
  section('fields changed', changed);
  section('enum values added', valuesAdded);
  section('enum values removed', valuesRemoved);

  if (out.length) return out.join('\n').trimEnd();
  const [was, is] = ['events.txt', 'objects.txt']
    .map((name) => [before.get(name).split('\n'), after.get(name).split('\n')])
    .flatMap(([a, b]) => a.map((line, i) => [line, b[i]]).filter(([x, y]) => x !== y))[0] ?? ['', ''];
  return `No difference in content; the first line that differs:\n  ${was}\n  ${is}`;
}

/** The lines that a file of `versions` gains and loses; of many, the first. */
export function linesChanged(name, before, after) {
  if (!before) return `${name} is new.\n`;
  if (!after) return `${name} is of no pinned version.\n`;
  const without = (text, other) => {
    const known = new Set(other.split('\n'));
    return text.split('\n').filter((line) => !known.has(line));
  };
  const [gained, lost] = [without(after, before), without(before, after)];
  const lines = [...gained.map((line) => `  + ${line}`), ...lost.map((line) => `  - ${line}`)];
  const rest = lines.length > 40 ? ['  …'] : [];
  return [`${name} (${gained.length} lines more, ${lost.length} fewer):`, ...lines.slice(0, 40), ...rest, ''].join('\n');
}
