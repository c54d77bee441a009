// Real Chromium, and pages that fail the journey when the console says anything or axe finds something serious.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

export function openBrowser() {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}

export const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 360, height: 740 } };

// A page on which everything the console says is kept in `page.said`.
export async function openPage({ platform, browser }, { size = "desktop", theme = "light", javaScriptEnabled = true, storageState } = {}) {
  const context = await browser.newContext({
    baseURL: platform.url,
    viewport: SIZES[size],
    colorScheme: theme,
    javaScriptEnabled,
    storageState,
    // axe is put into the page, which its policy would else refuse.
    bypassCSP: false,
  });
  const page = await context.newPage();
  page.said = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.said.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.said.push(`${page.url()}: ${error.message}`));
  return page;
}

export async function go(page, path) {
  const response = await page.goto(path);
  if (page.context()._options?.javaScriptEnabled !== false) await hydrated(page);
  return response;
}

export const hydrated = (page) => page.waitForSelector("body[data-hydrated]", { timeout: 60_000 });

let session;

// Signs in once; later pages start with that session.
export async function signedIn(given, options = {}) {
  if (!session) {
    const page = await openPage(given, {});
    await page.goto("/sign-in");
    await hydrated(page);
    await page.getByLabel("E-mail").fill(given.platform.email);
    await page.getByLabel("Password").fill(given.platform.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL((url) => url.pathname !== "/sign-in");
    session = await page.context().storageState();
    await page.context().close();
  }
  return openPage(given, { ...options, storageState: session });
}

export function silent(page) {
  if (page.said.length > 0) throw new Error(`the console was not silent: ${page.said.join(" | ")}`);
}

// Nothing serious, nothing wider than the window.
export async function sound(page) {
  // The title belongs to the page's content, which a hydrated page may read anew.
  await page.waitForFunction(() => document.title !== "");
  // Evaluated by the debugger's protocol, which the page's policy does not concern.
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((each) => ["serious", "critical"].includes(each.impact));
  if (serious.length > 0) {
    const words = serious.map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).join(" ; ")}`);
    throw new Error(`axe on ${page.url()}: ${words.join(" | ")}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) throw new Error(`${page.url()} is ${wide} px wider than the window`);
}
