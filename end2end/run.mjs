// Runs the journeys against one server with the demo deployed; ends with `end2end: N passed, N failed`.
import { readdir } from "node:fs/promises";
import { Platform } from "./platform.mjs";
import { openBrowser } from "./browser.mjs";

const only = process.argv[2];
let passed = 0;
let failed = 0;

// What the pages of a journey that failed looked like, in target/end2end.
async function pictures(browser, name) {
  for (const [at, context] of browser.contexts().entries()) {
    for (const page of context.pages()) {
      await page.screenshot({ path: `target/end2end/${name}-${at}.png`, fullPage: true }).catch(() => {});
    }
    await context.close();
  }
}

async function main() {
  const platform = await Platform.start();
  const browser = await openBrowser();
  try {
    const files = (await readdir(new URL("./journeys/", import.meta.url))).filter((name) => name.endsWith(".mjs")).sort();
    for (const file of files) {
      const journeys = await import(new URL(`./journeys/${file}`, import.meta.url));
      for (const [name, journey] of Object.entries(journeys)) {
        if (only && !`${file}/${name}`.includes(only)) continue;
        const began = Date.now();
        try {
          await journey({ platform, browser });
          passed += 1;
          console.log(`ok      ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
        } catch (error) {
          failed += 1;
          console.log(`FAILED  ${name}: ${error.stack ?? error}`);
          await pictures(browser, name);
        }
      }
    }
  } finally {
    await browser.close();
    const left = await platform.stop();
    if (left.length > 0) {
      failed += 1;
      console.log(`FAILED  nothing is left on the engine: ${left.join(", ")}`);
    } else {
      passed += 1;
      console.log("ok      nothing is left on the engine");
    }
  }
}

main()
  .catch((error) => {
    failed += 1;
    console.log(`FAILED  ${error.stack ?? error}`);
  })
  .finally(() => {
    console.log(`end2end: ${passed} passed, ${failed} failed`);
    process.exit(failed === 0 ? 0 : 1);
  });
