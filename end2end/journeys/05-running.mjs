// How an application runs is set on its settings page, by lines of text, and read back as it was written.
import { go, signedIn, silent, sound } from "../browser.mjs";

async function application(page, platform, name) {
  await go(page, "/projects");
  const { items } = await platform.call(page, "applications.list", { search: name });
  return items[0].id;
}

async function saved(page, id, platform, holds) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const seen = await platform.call(page, "applications.get", { id });
    if (holds(seen)) return;
    if (Date.now() > deadline) throw new Error(`not saved: ${JSON.stringify(seen.run)}`);
  }
}

export async function storage_and_commands_are_set_on_the_settings_page(given) {
  const { platform } = given;
  const page = await signedIn(given);
  const id = await application(page, platform, "clock");
  await go(page, `/applications/${id}/settings`);
  await page.getByLabel("Volumes (optional)").fill("data:/var/lib/clock\ncache:/var/cache/clock:ro");
  await page.getByLabel("Command before a deployment").fill("echo ready");
  const form = page.locator("form", { has: page.getByLabel("Volumes (optional)") });
  await form.getByRole("button", { name: "Save changes" }).click();
  await saved(page, id, platform, ({ run }) => run.volumes.length === 2 && run.pre_deploy === "echo ready");
  await go(page, `/applications/${id}/settings`);
  const shown = await page.getByLabel("Volumes (optional)").inputValue();
  if (shown !== "data:/var/lib/clock\ncache:/var/cache/clock:ro") throw new Error(`shown again as ${shown}`);
  // What the operator has to allow is refused at its field, and the words say so.
  await page.getByText("Access to the server").click();
  await page.getByLabel("Privileged", { exact: false }).check();
  await form.getByRole("button", { name: "Save changes" }).click();
  await page.getByText("has to allow it for your organization").first().waitFor();
  // The browser reports the refusal itself; nothing else may be said.
  page.said = page.said.filter((line) => !line.includes("the server responded with a status of 422"));
  await sound(page);
  await platform.call(page, "applications.update", { id, run: {} });
  silent(page);
  await page.context().close();
}

export async function a_file_is_put_into_the_containers_and_a_secret_one_never_shown(given) {
  const { platform } = given;
  const page = await signedIn(given);
  const id = await application(page, platform, "clock");
  await go(page, `/applications/${id}/settings`);
  await page.getByLabel("Path in the container").fill("/etc/clock/key");
  await page.getByLabel("Content").fill("a-secret-of-the-clock");
  await page.getByLabel("Secret").check();
  await page.getByRole("button", { name: "Save file" }).click();
  await page.getByRole("button", { name: "Delete /etc/clock/key" }).waitFor();
  await go(page, `/applications/${id}/settings`);
  if ((await page.content()).includes("a-secret-of-the-clock")) throw new Error("a secret file is in the page");
  await page.getByRole("button", { name: "Delete /etc/clock/key" }).click();
  await page.getByRole("button", { name: "Delete /etc/clock/key" }).waitFor({ state: "detached" });
  silent(page);
  await page.context().close();
}

export async function a_server_is_looked_through_without_removing_anything(given) {
  const { platform } = given;
  const page = await signedIn(given);
  await go(page, "/servers");
  const { items } = await platform.call(page, "servers.list", {});
  await go(page, `/servers/${items[0].id}/cleanups`);
  await page.getByRole("button", { name: "List it" }).click();
  await page.getByText(/^Found /).first().waitFor();
  await sound(page);
  silent(page);
  await page.context().close();
}
