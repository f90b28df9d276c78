// Opens the declarations of npm `stripe` 22 and later: modules in `esm/resources`, one for each of Stripe's objects.
import path from 'node:path';
import ts from 'typescript';
import { aliasesIn, docOf, fail, lookups, namespaceIn, parse } from './source.mjs';

export function openModules(folder) {
  const program = parse(folder, 'esm');
  const stripe = lookups(folder, program);
  const statementsOf = (file) => [...stripe.sourceFile(`esm/resources/${file}.d.ts`).statements];

  /** The one type `A.B.NAME` of a module. */
  const typeAt = (file, names) => {
    const inside = names.slice(0, -1).reduce(namespaceIn, statementsOf(file));
    const found = aliasesIn(inside, names.at(-1));
    return found.length === 1 ? found[0].type : fail(`esm/resources/${file}.d.ts has no type ${names.join('.')}`);
  };

  /** The doc comments of all exported interfaces of snapshot events and objects, and of their members. */
  const allDocs = () => {
    const docs = [];
    for (const file of program.getSourceFiles()) {
      const name = path.relative(folder, file.fileName);
      if (name.startsWith('..') || name.startsWith(path.join('esm', 'resources', 'V2'))) continue;
      for (const declaration of file.statements.filter(ts.isInterfaceDeclaration)) {
        const where = `${name}#${declaration.name.text}`;
        docs.push({ place: where, doc: docOf(declaration) });
        for (const own of declaration.members) docs.push({ place: `${where}.${own.name?.getText()}`, doc: docOf(own) });
      }
    }
    return docs;
  };

  /** The classes of the calls of each module, and the script that has their bodies. */
  const resources = () => program.getSourceFiles()
    .filter((file) => path.relative(folder, file.fileName).startsWith(path.join('esm', 'resources')))
    .map((file) => ({
      classes: file.statements.filter(ts.isClassDeclaration),
      script: file.fileName.replace(/\.d\.ts$/, '.js'),
    }))
    .filter(({ classes }) => classes.length > 0);

  return {
    ...stripe,
    allDocs,
    resources,
    /** Whether an interface stands by itself, not in the namespace of the object it belongs to. */
    isTopLevel: (declaration) => ts.isSourceFile(declaration.parent),
    snapshotUnion: () => typeAt('Events', ['Event']),
    eventTypes: () => typeAt('Events', ['Event', 'Type']),
    enabledEvents: (params) => typeAt('WebhookEndpoints', [params, 'EnabledEvent']),
    thinUnion: () => typeAt('V2/Core/Events', ['Event']),
    notificationUnion: () => typeAt('V2/Core/Events', ['EventNotification']),
  };
}
