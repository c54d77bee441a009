// Sign-in, lists, forms and status for readers without JavaScript.
import { openPage } from "../browser.mjs";

export async function a_project_is_made_without_javascript(given) {
  const page = await openPage(given, { javaScriptEnabled: false });
  await page.goto("/projects");
  if (new URL(page.url()).pathname !== "/sign-in") throw new Error(`led to ${page.url()}`);
  await page.getByLabel("E-mail").fill(given.platform.email);
  await page.getByLabel("Password").fill("not the right one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("do not match").first().waitFor();
  await page.getByLabel("E-mail").fill(given.platform.email);
  await page.getByLabel("Password").fill(given.platform.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/projects");
  await page.goto("/projects/new");
  await page.getByLabel("Name").fill("Made by hand");
  await page.getByRole("button", { name: "Create project" }).click();
  await page.waitForURL(/\/projects\/[0-9a-f-]{36}$/);
  await page.getByRole("heading", { name: "Made by hand" }).first().waitFor();
  await page.goto("/projects");
  await page.getByText("Made by hand").first().waitFor();
  await page.context().close();
}
