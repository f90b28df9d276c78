// What a newcomer does with the pages of `dev`, in a real browser: makes up events, and watches what the handlers do with them.
// The server comes from the test that runs this; it says in FIXTURE where it is.
import assert from "node:assert/strict";
import { LOOKS, isAccessible, test, visit } from "./browser.mjs";

/// Makes up an event on the page, and sends it.
async function send(page, type, fields = {}) {
  await page.goto("/playground");
  await page.getByLabel("Event type").selectOption(type);
  await page.getByRole("button", { name: "Choose" }).click();
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`[name="f:${name}"]`);
    if (!await field.isVisible()) await page.getByText(/^(The other fields|Fields) of/).click();
    await field.fill(value);
  }
  await page.getByRole("button", { name: "Send", exact: true }).first().click();
}

for (const [name, options] of Object.entries(LOOKS)) {
  test(`the playground, ${name}`, () => visit(options, async (page) => {
    await page.goto("/playground");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Playground");
    await isAccessible(page);
    await send(page, "payout.paid", { amount: "many" });
    assert.match(await page.getByRole("alert").innerText(), /Not sent/);
    const amount = page.locator("[name='f:amount']");
    assert.equal(await amount.inputValue(), "many");
    assert.match(await page.locator(`[id="${await amount.getAttribute("aria-describedby")}"]`).innerText(), /expected integer/);
    for (const summary of await page.locator("main summary").all()) if (await summary.isVisible()) await summary.click();
    await isAccessible(page);
    await send(page, "payout.paid", { amount: "4321" });
    assert.equal(new URL(page.url()).pathname, "/event");
    assert.match(await page.locator(".tree").innerText(), /4321/);
    await isAccessible(page);
    await page.getByRole("button", { name: "Send the same again" }).click();
    assert.match(await page.getByRole("status").first().innerText(), /answered 200: a duplicate/);
    await page.getByRole("link", { name: "Make up another" }).click();
    assert.equal(await page.getByLabel("Event type").inputValue(), "payout.paid");
    await page.getByRole("button", { name: "Send with a wrong signature" }).click();
    assert.match(await page.getByRole("status").first().innerText(), /Refused with 400/);
    await page.getByRole("button", { name: "Send all of it" }).click();
    assert.equal(new URL(page.url()).pathname, "/live");
    await isAccessible(page);
  }));
}

test("what happens is seen as it happens", () => visit({}, async (page) => {
  await page.goto("/live?q=charge.captured");
  const other = await page.context().newPage();
  const rows = page.locator("tbody tr");
  const before = await rows.count();
  await send(other, "charge.captured");
  const id = new URL(other.url()).searchParams.get("id");
  await rows.filter({ hasText: id }).waitFor();
  await rows.filter({ hasText: id }).getByText("the stock is being counted").waitFor();
  assert.equal(await rows.count(), before + 1);
  const pause = page.getByRole("button", { name: "Pause" });
  await pause.click();
  assert.equal(await pause.getAttribute("aria-pressed"), "true");
  await send(other, "charge.captured");
  const second = new URL(other.url()).searchParams.get("id");
  await other.locator("h3").getByText("ready").waitFor();
  assert.equal(await rows.count(), before + 1, "it is paused");
  await pause.click();
  await rows.filter({ hasText: second }).waitFor();
  await isAccessible(page);
}));

test("the page of an event shows a retry, and does not disturb who types", () => visit({}, async (page) => {
  await send(page, "charge.captured");
  const attempts = page.locator(".timeline li.failed");
  await attempts.first().waitFor();
  await page.getByText("Skip…").click();
  const reason = page.getByLabel("Reason");
  await reason.fill("I am still typ");
  const elsewhere = await page.context().newPage();
  await elsewhere.goto(page.url());
  await elsewhere.getByRole("button", { name: /^Run now/ }).click();
  await elsewhere.locator(".timeline li.failed").first().waitFor();
  assert.equal(await reason.inputValue(), "I am still typ");
  await page.getByText("Skip…").click();
  await page.getByRole("heading", { level: 1 }).click();
  await attempts.nth(1).waitFor();
}));

test("single keys act until they are turned off", () => visit({}, async (page) => {
  await send(page, "charge.captured");
  await page.locator("[data-retry]").first().waitFor();
  await page.keyboard.press("r");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Run now/);
  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "Keys" });
  await keys.waitFor();
  await isAccessible(page);
  await keys.getByRole("checkbox").uncheck();
  await keys.getByRole("button", { name: "Close" }).click();
  await page.goto("/live");
  await page.keyboard.press("?");
  assert.ok(!await keys.isVisible());
  await page.getByRole("button", { name: "Keys" }).click();
  await keys.getByRole("checkbox").check();
  await keys.getByRole("button", { name: "Close" }).click();
  await page.keyboard.press("j");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^evt_/);
}));
