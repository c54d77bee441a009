// The console as one program: moving without a reload, the palette, the theme, secrets and what a second tab sees.
import { go, openPage, signedIn, silent, sound } from "../browser.mjs";

export async function pages_change_without_a_reload_and_back_goes_back(given) {
  const page = await signedIn(given);
  await go(page, "/");
  await page.evaluate(() => (window.stayed = true));
  for (const name of ["Projects", "Servers", "Audit", "Members", "API keys"]) {
    const link = page.getByRole("navigation").getByRole("link", { name }).first();
    const address = await link.getAttribute("href");
    await link.click();
    await page.waitForURL(`**${address}`);
    await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  }
  await page.goBack();
  await page.waitForURL("**/members");
  if (!(await page.evaluate(() => window.stayed))) throw new Error("the page was loaded anew");
  silent(page);
  await page.context().close();
}

export async function the_palette_leads_to_what_is_typed(given) {
  const page = await signedIn(given);
  await go(page, "/");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("clock");
  await page.getByRole("option", { name: /clock/ }).first().waitFor();
  await sound(page);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/applications\/[0-9a-f-]{36}/);
  await page.getByRole("heading", { name: "clock" }).first().waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  silent(page);
  await page.context().close();
}

export async function a_chosen_theme_is_there_in_the_first_byte(given) {
  const page = await signedIn(given, { theme: "light" });
  await go(page, "/account");
  await page.locator('[popovertarget="me"]').first().click();
  await page.getByRole("button", { name: "Dark" }).first().click();
  const answer = await page.request.get("/projects");
  if (!(await answer.text()).includes('data-theme="dark"')) throw new Error("the next page does not know the theme");
  silent(page);
  await page.context().close();
}

export async function a_secret_is_written_and_never_shown_again(given) {
  const { platform } = given;
  const page = await signedIn(given);
  await go(page, "/projects");
  const { items } = await platform.call(page, "applications.list", { search: "clock" });
  const address = `/applications/${items[0].id}/variables`;
  await go(page, address);
  await page.getByLabel("Key", { exact: true }).fill("API_TOKEN");
  await page.getByLabel("Value", { exact: true }).fill("sesame-open-4711");
  await page.getByRole("checkbox", { name: /^Secret/ }).check();
  await page.getByRole("button", { name: "Set variable" }).click();
  await page.getByRole("cell", { name: "API_TOKEN", exact: true }).waitFor();
  for (const path of [address, `${address}?key=API_TOKEN`]) {
    const text = await (await page.request.get(path)).text();
    if (text.includes("sesame-open")) throw new Error(`${path} shows the secret`);
  }
  await page.getByRole("button", { name: "Delete API_TOKEN" }).click();
  await page.getByRole("cell", { name: "API_TOKEN", exact: true }).waitFor({ state: "hidden" });
  silent(page);
  await page.context().close();
}

export async function a_wrong_field_keeps_what_was_typed(given) {
  const page = await signedIn(given);
  await go(page, "/projects/new");
  const name = "x".repeat(90);
  await page.getByLabel("Name").evaluate((field) => field.removeAttribute("maxlength"));
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Create project" }).click();
  await page.locator('[aria-invalid="true"]').waitFor();
  const kept = await page.getByLabel("Name").inputValue();
  if (kept !== name) throw new Error(`"${kept}" is left of what was typed`);
  await page.context().close();
}

export async function signing_out_ends_the_session(given) {
  const page = await openPage(given);
  await go(page, "/sign-in?next=%2Fservers");
  await page.getByLabel("E-mail").fill(given.platform.email);
  await page.getByLabel("Password").fill(given.platform.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/servers");
  const cookies = await page.context().cookies();
  await go(page, "/account");
  await page.locator('[popovertarget="me"]').first().click();
  await page.getByRole("button", { name: "Sign out", exact: true }).first().click();
  await page.waitForURL("**/sign-in*");
  await page.context().addCookies(cookies);
  await page.goto("/servers");
  if (new URL(page.url()).pathname !== "/sign-in") throw new Error("the old cookie still signs in");
  await page.context().close();
}
