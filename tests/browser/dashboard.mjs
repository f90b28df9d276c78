// An operator's work with the dashboard, in a real browser. The server and what is in its inbox come from the test that runs
// this; it says in FIXTURE where they are.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { LOOKS, fixture, isAccessible, test, visit } from "./browser.mjs";

const SCREENS = {
  Overview: "/",
  Events: "/events",
  Live: "/live",
  Parked: "/parked",
  Handlers: "/handlers",
  Endpoints: "/endpoints",
  Quarantine: "/quarantine",
};
const { parked, done, waiting, hostile, skipped } = fixture.events;
const event = (id) => `/event?id=${encodeURIComponent(id)}`;
const OTHERS = ["/events?q=nonsense", "/events?q=evt_missing", event(parked), event(done), `${event(done)}&show=all`, event(hostile)];

for (const [name, options] of Object.entries(LOOKS)) {
  test(`every screen, ${name}`, () => visit(options, async (page) => {
    await page.goto("/");
    for (const [screen, path] of Object.entries(SCREENS)) {
      await page.getByRole("navigation").getByRole("link", { name: screen, exact: true }).click();
      assert.equal(new URL(page.url()).pathname, path);
      assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), screen);
      await isAccessible(page);
    }
    for (const path of OTHERS) {
      await page.goto(path);
      await isAccessible(page);
    }
    await page.goto("/parked");
    await page.getByRole("link", { name: "Retry or skip" }).first().click();
    await isAccessible(page);
    await page.goto("/quarantine");
    await page.locator("tbody a").first().click();
    await isAccessible(page);
  }));
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "" : ", without JavaScript";
  const visitor = (use) => () => visit({ javaScriptEnabled }, use);

  test(`searching${how}`, visitor(async (page) => {
    const search = async (text) => {
      await page.goto("/events");
      await page.getByRole("searchbox").fill(text);
      await page.getByRole("button", { name: "Search" }).click();
      assert.equal(new URL(page.url()).searchParams.get("q"), text);
      return page.locator("tbody tr").allInnerTexts();
    };
    for (const [text, id] of [
      [parked, parked],
      [fixture.object, parked],
      [fixture.customer, parked],
      ["charge.captured", waiting],
      ["dashboard::refunded state:parked", parked],
      ["ready", waiting],
    ]) {
      const rows = await search(text);
      assert.ok(rows.some((row) => row.includes(id)), `${text}: ${rows}`);
    }
    assert.deepEqual(await search("since:0s"), []);
    assert.match(await page.locator("main").innerText(), /No matching events/);
    await search("perhaps");
    assert.match(await page.getByRole("alert").innerText(), /“perhaps” is not an id/);
    // More than fit one page.
    const first = await search("customer.created");
    assert.equal(first.length, 50);
    await page.getByRole("link", { name: "Older" }).click();
    const second = await page.locator("tbody tr").allInnerTexts();
    assert.equal(second.length, fixture.created - 50);
    assert.equal(new Set([...first, ...second]).size, fixture.created);
  }));

  test(`an event's body is masked until it is asked for${how}`, visitor(async (page) => {
    await page.goto(event(parked));
    const body = page.locator(".tree");
    await body.waitFor();
    assert.ok(!(await page.content()).includes(fixture.email), "the customer's address is masked");
    await page.getByRole("link", { name: "Show them" }).click();
    assert.ok((await page.content()).includes(fixture.email));
    await page.getByRole("link", { name: "Mask" }).click();
    assert.ok(!(await page.content()).includes(fixture.email));
  }));

  test(`a task runs again, and its history says so${how}`, visitor(async (page) => {
    await page.goto(event(parked));
    const attempts = page.locator(".timeline li");
    const before = await attempts.count();
    await page.getByRole("button", { name: /Run now/ }).click();
    assert.match(await page.getByRole("status").innerText(), /^1 task will run again now/);
    await until(async () => {
      await page.goto(event(parked));
      return await attempts.count() > before && await page.locator("h3 .state.parked").count() === 1;
    });
    await page.goto(event(done));
    await page.getByRole("button", { name: /Run again/ }).first().click();
    assert.match(await page.getByRole("status").innerText(), /^1 task will run again now/);
  }));

  test(`a task is skipped, for a reason${how}`, visitor(async (page) => {
    await page.goto(event(skipped[Number(javaScriptEnabled)]));
    await page.getByText("Skip…").click();
    await page.getByRole("button", { name: /Skip/ }).click();
    assert.match(page.url(), /event\?id=/, "without a reason the form is not sent");
    await page.getByLabel("Reason").fill("the customer <b>called</b>");
    await page.getByRole("button", { name: /Skip/ }).click();
    assert.match(await page.getByRole("status").innerText(), /^1 task skipped/);
    assert.match(await page.locator("article").innerText(), /the customer <b>called<\/b>/);
  }));

  test(`a whole group of parked tasks is retried, then skipped${how}`, visitor(async (page) => {
    const card = page.locator("article").filter({ hasText: "dashboard::disputed" });
    const decide = async () => {
      await page.goto("/parked");
      await card.getByRole("link", { name: /Retry or skip all/ }).click();
    };
    await decide();
    const count = fixture.disputes;
    assert.match(await page.getByRole("heading", { level: 1 }).innerText(), new RegExp(`^${count} parked task`));
    await page.getByRole("button", { name: `Retry all ${count}` }).click();
    assert.match(await page.getByRole("status").innerText(), new RegExp(`^${count} tasks? will run again`));
    await until(async () => {
      await page.goto("/parked");
      return await card.count() === 1 && (await card.locator(".count").innerText()) === String(count);
    });
    if (javaScriptEnabled) return;
    await decide();
    await page.getByLabel(/Skip closes them/).fill("a mistake of ours");
    await page.getByRole("button", { name: `Skip all ${count}` }).click();
    assert.match(await page.getByRole("status").innerText(), new RegExp(`^${count} tasks skipped`));
    assert.equal(await card.count(), 0);
  }));
}

test("what came from outside is shown as text", () => visit({}, async (page) => {
  for (const path of [event(hostile), `${event(hostile)}&show=all`, `/events?q=${hostile}`, "/quarantine", "/parked", "/endpoints", "/"]) {
    const response = await page.goto(path);
    assert.equal(response.status(), 200, path);
    assert.equal(await page.evaluate(() => globalThis.attacked), undefined, path);
    assert.deepEqual(await page.locator("main :is(script, img, iframe, style, object, marquee, [onerror], [onload])").count(), 0, path);
    const text = await page.locator("main").innerText();
    assert.ok(!/[\u202a-\u202e\u2066-\u2069\u200b]/.test(text), `${path}: a mark steers the text`);
  }
  await page.goto(`${event(hostile)}&show=all`);
  const text = await page.locator("main").textContent();
  assert.ok(text.includes("<script>attacked = 1</script>") && text.includes("⟨U+202E⟩"), text.slice(0, 2_000));
}));

test("what has arrived is summed up", () => visit({}, async (page) => {
  await page.goto("/");
  assert.match(await page.locator(".tile", { hasText: "Last event" }).innerText(), /\d+ \w+ ago\s+\d+ \w+ after it happened/);
  await page.goto("/endpoints");
  const versions = page.getByRole("group", { name: "API versions of /webhook" });
  assert.match(await versions.innerText(), /20\d\d-\d\d-\d\d\.\w+\s+test\s+\d+/);
}));

test("keys", () => visit({}, async (page) => {
  await page.goto("/events");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  await page.keyboard.type("j");
  assert.equal(await page.getByRole("searchbox").inputValue(), "j", "in a field, a key is a letter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  const first = page.locator("tbody tr").first();
  assert.equal(await page.evaluate(() => document.activeElement.closest("tr")?.rowIndex), 1);
  const id = await first.locator("a").innerText();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/event\?/);
  assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), id);
}));

test("the pages with a token", () => visit({ baseURL: fixture.guarded.url }, async (page) => {
  await page.goto("/parked");
  await isAccessible(page);
  await page.getByLabel("Token").fill("not-the-token-of-this-server");
  await page.getByRole("button", { name: "Open" }).click();
  assert.match(await page.getByRole("alert").innerText(), /not the token/);
  await page.getByLabel("Token").fill(fixture.guarded.token);
  await page.getByRole("button", { name: "Open" }).click();
  assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Overview");
  assert.match(await page.locator("header").innerText(), /read only/);
  const [cookie] = await page.context().cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict", JSON.stringify(cookie));
  for (const path of ["/", "/events", "/parked", "/handlers"]) {
    await page.goto(path);
    assert.equal(await page.locator("main form[method=post]").count(), 0, `${path} changes nothing`);
  }
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Token").waitFor();
  assert.deepEqual(await page.context().cookies(), []);
  await page.goto(`/parked?token=${fixture.guarded.token}`);
  await page.waitForURL((url) => !url.search.includes("token"));
  assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Parked");
}));

test("another site reaches nothing", () => visit({}, async (page) => {
  await page.goto(event(waiting));
  const task = await page.locator("input[name=task]").first().inputValue();
  page.isElsewhere = true;
  // Its page is on this machine as well: the same site by name, and another origin.
  const site = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<h1>Another site</h1>"));
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  try {
    for (const host of ["127.0.0.1", "localhost"]) {
      await page.goto(`http://${host}:${site.address().port}/`);
      const reached = await page.evaluate(async ({ url, task }) => {
        const told = {};
        const attempt = async (name, what) => {
          try { told[name] = await what(); } catch (error) { told[name] = "refused"; }
        };
        const form = new URLSearchParams({ id: "x", task });
        await attempt("read", async () => (await fetch(`${url}/parked`)).text());
        await attempt("read with cookies", async () => (await fetch(`${url}/parked`, { credentials: "include" })).text());
        await attempt("post", async () => (await fetch(`${url}/retry`, { method: "POST", body: form })).text());
        await attempt("metrics", async () => (await fetch(`${url}/metrics`)).text());
        const framed = (tag, attribute) => new Promise((resolve) => {
          const element = document.createElement(tag);
          element.onload = () => resolve(tag === "iframe" && element.contentDocument === null ? "refused" : "loaded");
          element.onerror = () => resolve("refused");
          element[attribute] = `${url}/`;
          document.body.append(element);
        });
        await attempt("script", () => framed("script", "src"));
        await attempt("frame", () => framed("iframe", "src"));
        return told;
      }, { url: fixture.url, task });
      assert.deepEqual(new Set(Object.values(reached)), new Set(["refused"]), JSON.stringify(reached));
      // A form is sent without asking first.
      const answer = page.waitForResponse((response) => response.url().endsWith("/skip"));
      await page.evaluate(({ url, task }) => {
        const form = Object.assign(document.createElement("form"), { method: "post", action: `${url}/skip` });
        for (const [name, value] of Object.entries({ id: "x", task, reason: "attacked" })) {
          form.append(Object.assign(document.createElement("input"), { name, value }));
        }
        document.body.append(form);
        form.submit();
      }, { url: fixture.url, task });
      assert.equal((await answer).status(), 403, "a form of another site");
      // The answer comes before the browser shows it.
      await page.waitForURL((url) => url.pathname === "/skip");
    }
  } finally {
    site.closeAllConnections();
    site.close();
  }
  await page.goto(event(waiting));
  assert.equal(await page.locator("h3 .state.ready").count(), 1, "the task is as it was");
}));

/// Waits for a state.
async function until(isSo) {
  const deadline = Date.now() + 120_000;
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, "it takes too long");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
