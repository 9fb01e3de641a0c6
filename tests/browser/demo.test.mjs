// The demo as a visitor with a keyboard meets it: the real binary, a real browser, from the first click to the comment.
//
//   ESCALATOR_BIN=target/debug/escalator npm test
//
// CHROMIUM names another browser than Debian's.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const START_MS = 30_000;
const STOP_MS = 15_000;
const STEP_MS = 10_000;

const PAGE_ADDRESS = /http:\/\/127\.0\.0\.1:\d+/;
const BROWSER_ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let demo;
let browser;

before(async () => {
  demo = await startDemo();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: BROWSER_ARGS });
});

after(async () => {
  await browser?.close();
  if (demo?.process.exitCode === null) demo.process.kill("SIGKILL");
});

test("the page explains itself and needs nothing from elsewhere", async () => {
  const { page, complaints, foreign } = await openPage("light");
  await page.getByRole("button", { name: /Start here/ }).waitFor();

  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "Escalator");
  assert.equal(await page.locator(".steps [aria-current=step]").getAttribute("data-step"), "choose");
  assert.deepEqual(foreign, [], "the page asked for something that is not its own");
  assert.deepEqual(complaints, [], "the browser complained");
  await page.context().close();
});

test("answers by keyboard bring the comment and the label", async () => {
  const { page, complaints } = await openPage("light");
  const card = page.locator("[data-issue='acme/shop#6']");
  await card.waitFor();

  await pressTabUntil(page, (focused) => focused.issue === "acme/shop#6");
  await page.keyboard.press("Enter");
  await page.locator(".reference", { hasText: "acme/shop#6" }).waitFor();

  await answerYes(page, "cross-functionality");
  await answerYes(page, "complexity");
  await answerYes(page, "financial-impact");

  const comment = page.locator(".note.is-bot .note-body");
  await comment.filter({ hasText: "Platform Escalation" }).waitFor();
  await page.locator("#detail .issue .chips li").filter({ hasText: /^platform-escalation$/ }).waitFor();
  await page.locator("[data-column=escalation] [data-issue='acme/shop#6']").waitFor();
  await page.locator("#result").filter({ hasText: /nswered in \d+\.\d\d s/ }).waitFor();
  await page.locator(".deliveries tbody tr").filter({ hasText: "acme/shop#6" }).first().waitFor();

  assert.equal(await page.locator(".note.is-bot").count(), 1, "one comment per issue, ever");
  assert.equal((await focusedControl(page)).name, "financial-impact", "the focus stays where the visitor works");
  assert.deepEqual(complaints, [], "the browser complained");
  await page.context().close();
});

for (const scheme of ["light", "dark"]) {
  for (const width of [1280, 360]) {
    test(`nobody is kept out, ${scheme}, ${width} pixels wide`, async () => {
      const { page } = await openPage(scheme, width);
      await page.locator("[data-issue='acme/shop#6']").click();
      await page.locator(".note.is-bot").first().waitFor();

      const { violations } = await new AxeBuilder({ page }).analyze();
      const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
      assert.deepEqual(grave, []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the window`);
      await page.context().close();
    });
  }
}

test("the demo stops gracefully, and the page says so", async () => {
  const { page } = await openPage("light");
  await page.locator("[data-issue='acme/shop#6']").waitFor();

  demo.process.kill("SIGTERM");
  const { code, signal } = await within(STOP_MS, "stopping the demo", demo.exited);
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, `it printed:\n${demo.printed()}`);
  await page.getByRole("alert").filter({ hasText: "The demo has stopped" }).waitFor();
  await page.context().close();
});

/** Starts the binary on a free port and reads the page's address from what it prints. */
async function startDemo() {
  const binary = process.env.ESCALATOR_BIN;
  assert.ok(binary, "ESCALATOR_BIN must name the escalator binary, e.g. target/debug/escalator");
  const child = spawn(binary, ["demo", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  let stdout = "";
  let stderr = "";
  child.stderr.on("data", (chunk) => { stderr += chunk; });
  const printed = () => `${stdout}${stderr}`;

  const address = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      // The line must be whole, or the port might be cut.
      const found = stdout.slice(0, stdout.lastIndexOf("\n") + 1).match(PAGE_ADDRESS);
      if (found) resolve(found[0]);
    });
    exited.then(({ code }) => reject(new Error(`the demo ended with ${code} before it printed an address:\n${printed()}`)));
  });
  return { process: child, exited, printed, address: await within(START_MS, "starting the demo", address) };
}

/** Opens the page, and keeps what the browser complains about and what is asked from other hosts. */
async function openPage(colorScheme, width = 1280) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 }, reducedMotion: "reduce" });
  context.setDefaultTimeout(STEP_MS);
  const page = await context.newPage();
  const complaints = [];
  const foreign = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    const isFavicon = message.location().url.endsWith("/favicon.ico");
    if (message.type() === "error" && !isFavicon) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${demo.address}/`)) foreign.push(request.url());
  });
  await page.goto(`${demo.address}/`);
  return { page, complaints, foreign };
}

/** What has the focus: a card, or a choice of a question. */
function focusedControl(page) {
  return page.evaluate(() => {
    const { dataset, name, value } = document.activeElement;
    return { issue: dataset.issue, name, value };
  });
}

async function pressTabUntil(page, isThere) {
  for (let presses = 0; presses < 60; presses += 1) {
    if (isThere(await focusedControl(page))) return;
    await page.keyboard.press("Tab");
  }
  assert.fail("60 presses of Tab do not lead there");
}

/** Tabs to a question, walks its choices to yes with the arrow keys, and waits until the label is there. */
async function answerYes(page, key) {
  await pressTabUntil(page, (focused) => focused.name === key);
  for (let presses = 0; presses < 3 && (await focusedControl(page)).value !== "yes"; presses += 1) {
    await page.keyboard.press("ArrowRight");
  }
  assert.deepEqual(await focusedControl(page), { issue: undefined, name: key, value: "yes" });
  await page.locator("#detail .issue .chips li").filter({ hasText: `${key}::yes` }).waitFor();
}

async function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
