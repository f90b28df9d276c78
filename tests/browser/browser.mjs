// A real browser, whose every page is watched: nothing may run, load or fail that should not.
import assert from "node:assert/strict";
import { after, test as nodeTest } from "node:test";
import axe from "axe-core";
import { chromium } from "playwright-core";

export const fixture = JSON.parse(process.env.FIXTURE);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM });

after(() => browser.close());

/// A test that hangs ends at last.
export const test = (name, use) => nodeTest(name, { timeout: 240_000 }, use);

/// How people look at a page.
export const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  narrow: { viewport: { width: 400, height: 800 } },
  "without JavaScript": { javaScriptEnabled: false },
};

/// Opens a page in a browser that knows nothing yet, hands it to `use`, and asserts that nothing went wrong in it. With
/// `page.isElsewhere`, it shows a page of another site, which may fail as it likes.
export async function visit(options, use) {
  const context = await browser.newContext({ baseURL: fixture.url, ...options });
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const own = new URL(options.baseURL ?? fixture.url).origin;
  page.runsScripts = options.javaScriptEnabled ?? true;
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error}`));
  page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("console", (message) => {
    // The browser reports each answer that is an error; some are expected.
    if (message.type() === "error" && !page.isElsewhere && !message.text().includes("server responded with a status of")) {
      wrong.push(`console: ${message.text()}`);
    }
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== own && !page.isElsewhere) {
      wrong.push(`request: ${url}`);
    }
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI} ${event.sample}`);
    });
  });
  try {
    await use(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(wrong, []);
}

/// Asserts that the page fits its window, and that everybody can use it, as far as a program can tell. That program needs
/// JavaScript in the page.
export async function isAccessible(page) {
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(tooWide <= 0, `${page.url()} is ${tooWide} px wider than its window`);
  if (!page.runsScripts) return;
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const told = violations.map((rule) => `${rule.id}: ${rule.help}\n  ${rule.nodes.map((node) => node.html).join("\n  ")}`);
  assert.deepEqual(told, [], `at ${page.url()}`);
}
