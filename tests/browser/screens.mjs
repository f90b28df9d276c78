// Pictures of the dashboard for the documentation, of `shop dev` as it runs on this machine:
//
//     tests/browser/screens.sh
//
// CHROMIUM names the browser.
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const [url, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
await mkdir(folder, { recursive: true });

/// Opens the page at a path, or the page that the first such link leads to.
const SCREENS = {
  overview: ["/"],
  events: ["/events"],
  event: ["/events?q=parked", "tbody a"],
  live: ["/live"],
  parked: ["/parked"],
  confirm: ["/parked", "a.button"],
  handlers: ["/handlers"],
  endpoints: ["/endpoints"],
  quarantine: ["/quarantine"],
  playground: ["/playground?type=payment_intent.succeeded"],
};

for (const [look, options] of Object.entries({
  light: { colorScheme: "light", viewport: { width: 1180, height: 760 } },
  dark: { colorScheme: "dark", viewport: { width: 1180, height: 760 } },
  narrow: { colorScheme: "light", viewport: { width: 400, height: 760 } },
})) {
  const context = await browser.newContext({ baseURL: url, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  for (const [name, [path, link]] of Object.entries(SCREENS)) {
    await page.goto(path);
    if (link) {
      await page.locator(link).first().click();
      await page.waitForLoadState();
    }
    await page.screenshot({ path: `${folder}/${name}-${look}.png` });
  }
  await context.close();
}
await browser.close();
