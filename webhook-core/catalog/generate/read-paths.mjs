// Where Stripe's API has an object: the paths of the calls that read one, from the methods `retrieve…` of npm `stripe`. What
// such a method returns is in its declaration, its path in its script. The ids in a path are named by the object's own fields
// that hold them: `/v1/transfers/{transfer}/reversals/{id}`.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { unread } from './exceptions.mjs';
import { byName } from './order.mjs';
import { objectReader } from './read-objects.mjs';
import { fail } from './source.mjs';

/** Whether a field holds the id of an object. */
const isId = (field) => field?.type.k === 'string' || field?.type.k === 'expandable';

/** A call that needs no more than the ids in its path. */
const isRead = (method) =>
  ts.isMethodDeclaration(method) && method.name.text.startsWith('retrieve') &&
  method.parameters.every(({ name, questionToken }) => name.text !== 'params' || questionToken);

/** The texts and the parameters between them, in turn, of each path that a method asks for. */
function templatesOf(method) {
  const found = [];
  const unknown = (node) => fail(`a call that is not understood: ${node.getText().replace(/\s+/g, ' ')}`);
  const parameterOf = ({ expression }) =>
    ts.isCallExpression(expression) && expression.expression.text === 'encodeURIComponent'
      ? expression.arguments[0].text
      : unknown(expression);
  const visit = (node) => {
    if (ts.isCallExpression(node) && node.expression.name?.text === '_makeRequest') {
      const [verb, path] = node.arguments;
      if (verb.text !== 'GET') unknown(node);
      if (ts.isStringLiteralLike(path)) found.push([path.text]);
      else if (!ts.isTemplateExpression(path)) unknown(path);
      else found.push([path.head.text, ...path.templateSpans.flatMap((span) => [parameterOf(span), span.literal.text])]);
    }
    ts.forEachChild(node, visit);
  };
  visit(method);
  return found.length ? found : unknown(method);
}

/** A path with names of fields: the last id is the object's own, and others are those of what it belongs to. */
function pathOf([first, ...rest]) {
  let path = first;
  for (let at = 0; at < rest.length; at += 2) {
    const [parameter, after] = [rest[at], rest[at + 1]];
    const collection = path.match(/([a-z_]+)s\/$/)?.[1] ?? fail(`an id that is not in a collection: ${path}`);
    const parent = parameter === 'id' ? collection : parameter.replace(/Id$/, '').replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
    path += `{${after === '' ? 'id' : parent}}${after}`;
  }
  return path;
}

export const fieldsIn = (path) => [...path.matchAll(/\{(\w+)\}/g)].map(([, field]) => field);

/** Object name → the paths of all calls that return one. */
function callsOf(stripe) {
  const reader = objectReader(stripe);
  const calls = new Map();
  const isEvent = (node) => stripe.declarationOf(node)?.type === stripe.snapshotUnion();
  for (const { classes, script } of stripe.resources()) {
    const scripts = ts.createSourceFile(script, readFileSync(script, 'utf8'), ts.ScriptTarget.ES2022, true);
    for (const declaration of classes) {
      const body = scripts.statements.find((s) => ts.isClassDeclaration(s) && s.name.text === declaration.name.text);
      for (const method of declaration.members.filter(isRead)) {
        const written = body?.members.find((m) => m.name?.text === method.name.text) ?? fail(`no script: ${stripe.place(method)}`);
        const [response] = method.type.typeArguments ?? fail(`a Promise was expected: ${stripe.place(method)}`);
        const [returned] = response.typeArguments ?? fail(`a Response was expected: ${stripe.place(method)}`);
        const templates = templatesOf(written).filter(([start]) => start.startsWith('/v1/'));
        if (templates.length === 0 || isEvent(returned)) continue;
        for (const name of reader.namesOf(returned)) {
          calls.set(name, [...(calls.get(name) ?? []), ...templates.map(pathOf)]);
        }
      }
    }
  }
  return calls;
}

/** Of the calls that return an object, those that read it: by its id alone if there is such a one. */
function readingCalls({ name, fields }, calls) {
  const of = (field) => fields.find((known) => known.name === field);
  const isRight = (path) =>
    fieldsIn(path).every((field) => isId(of(field))) && (fieldsIn(path).length > 0 || !of('id'));
  const paths = [...new Set(calls.filter(isRight))].sort(byName);
  const alone = paths.filter((path) => `${fieldsIn(path)}` === 'id');
  if (alone.length > 1) fail(`there are several ways to ${name}: ${alone.join(', ')}`);
  return alone.length ? alone : paths;
}

/** Object name → its paths, of which each names other fields. */
export function readPaths({ stripe, snapshot, objects }) {
  const calls = callsOf(stripe);
  const paths = new Map();
  for (const [name, object] of objects) {
    const found = name.startsWith('deleted_') ? [] : readingCalls(object, calls.get(name) ?? []);
    if (found.length) paths.set(name, found);
  }
  const carried = new Set([...snapshot.values()].flatMap((event) => event.objects));
  const without = [...carried].filter((name) => !paths.has(name) && !unread[name]).sort(byName);
  if (without.length) fail(`no call reads ${without.join(', ')}: give a reason for each in exceptions.mjs`);
  const unneeded = Object.keys(unread).filter((name) => paths.has(name) || !carried.has(name));
  if (unneeded.length) fail(`listed as unread in exceptions.mjs, but read or not carried: ${unneeded.join(', ')}`);
  return paths;
}
