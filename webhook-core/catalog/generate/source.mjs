// Looks things up in the type declarations of one npm package `stripe`: what a name refers to, which members an
// interface has. `open-modules.mjs` and `open-namespace.mjs` open the two layouts that the packages have had.
// Anything that it does not understand ends the run with the file, the place and the text.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export class Failure extends Error {}

export function fail(sentence) {
  throw new Failure(sentence);
}

/** Parses the declarations in a folder of a package, those whose names `isNeeded` accepts; not what they refer to. */
export function parse(folder, inside, isNeeded = () => true) {
  const files = readdirSync(path.join(folder, inside), { recursive: true })
    .filter((name) => name.endsWith('.d.ts') && isNeeded(name))
    .map((name) => path.join(folder, inside, name));
  return ts.createProgram(files, {
    noResolve: true,
    noLib: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  });
}

/** What both layouts share. `folder` is the package's, `program` its declarations. */
export function lookups(folder, program) {
  const checker = program.getTypeChecker();

  const sourceFile = (name) => program.getSourceFile(path.join(folder, name)) ?? fail(`npm stripe has no file ${name}`);

  /** "file:line, text" of a node, for the error sentences. */
  const place = (node) => {
    const file = node.getSourceFile();
    const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    const text = node.getText().replace(/\s+/g, ' ').slice(0, 200);
    return `${path.relative(folder, file.fileName)}:${line}: ${text}`;
  };

  /** The declarations a type reference leads to; empty for a global such as Array. */
  const declarationsOf = (nameNode) => {
    let symbol = checker.getSymbolAtLocation(nameNode);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    return (symbol?.declarations ?? []).filter(
      (d) => ts.isInterfaceDeclaration(d) || ts.isTypeAliasDeclaration(d) || ts.isClassDeclaration(d),
    );
  };

  /** The one declaration a type reference leads to, or null for a global name. */
  const declarationOf = (reference) => {
    const name = ts.isTypeReferenceNode(reference) ? reference.typeName : reference.expression;
    const found = declarationsOf(name);
    if (found.length > 1) fail(`more than one declaration is called so: ${place(reference)}`);
    return found[0] ?? null;
  };

  /** Own and inherited members of an interface, nearest declaration first. */
  const membersOf = (declaration) => {
    const members = [...declaration.members];
    for (const clause of declaration.heritageClauses ?? []) {
      for (const base of clause.types) {
        if (base.typeArguments) fail(`base type with type arguments: ${place(base)}`);
        const baseDeclaration = declarationOf(base);
        if (!baseDeclaration || !ts.isInterfaceDeclaration(baseDeclaration)) {
          fail(`base type that is no interface: ${place(base)}`);
        }
        for (const inherited of membersOf(baseDeclaration)) {
          const name = inherited.name?.getText();
          if (!members.some((own) => own.name?.getText() === name)) members.push(inherited);
        }
      }
    }
    return members;
  };

  const member = (declaration, name) =>
    membersOf(declaration).find((m) => m.name?.getText() === name) ?? null;

  const ownMember = (declaration, name) =>
    declaration.members.find((m) => m.name?.getText() === name) ?? null;

  /** String literals of a union type, in source order. */
  const literalsOf = (typeNode) =>
    (ts.isUnionTypeNode(typeNode) ? typeNode.types : [typeNode]).map((t) =>
      ts.isLiteralTypeNode(t) && ts.isStringLiteral(t.literal)
        ? t.literal.text
        : fail(`a string literal was expected: ${place(t)}`),
    );

  const json = (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
  const apiVersion = readFileSync(path.join(folder, 'cjs/apiVersion.js'), 'utf8').match(/ApiVersion = '([^']+)'/)?.[1];

  return {
    ts,
    version: json('package.json').version,
    apiVersion: apiVersion ?? fail('npm stripe names no API version'),
    sourceFile, place, declarationOf, membersOf, member, ownMember, literalsOf,
  };
}

export const docOf = (node) =>
  ts.getJSDocCommentsAndTags(node).map((d) => d.getText()).join(' ').replace(/\s+/g, ' ');

/** The type aliases `NAME` directly in the statements given. */
export const aliasesIn = (statements, name) => statements.filter((s) => ts.isTypeAliasDeclaration(s) && s.name.text === name);

/** The statements of `namespace NAME { … }` among the statements given, also of `namespace A.B { … }`. */
export function namespaceIn(statements, name) {
  return statements
    .filter((s) => ts.isModuleDeclaration(s) && s.body && s.name.text === name)
    .flatMap((s) => (ts.isModuleBlock(s.body) ? [...s.body.statements] : [s.body]));
}
