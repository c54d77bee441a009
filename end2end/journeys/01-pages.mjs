// Every page at both widths and in both themes: silent console, nothing serious for axe, nothing sideways.
import { gzipSync } from "node:zlib";
import { go, hydrated, openPage, signedIn, silent, sound } from "../browser.mjs";

async function addresses(given) {
  const page = await signedIn(given);
  await go(page, "/");
  const { platform } = given;
  const projects = await platform.call(page, "projects.list");
  const project = projects.items[0];
  const application = project.applications.find((each) => each.name === "clock");
  const servers = await platform.call(page, "servers.list");
  const deployments = await platform.call(page, "deployments.list", { application_id: application.id });
  const domains = await platform.call(page, "application_domains.list", { application_id: application.id });
  const members = await platform.call(page, "members.list");
  const member = members.items.find((each) => each.email === platform.email);
  await page.context().close();
  const tabs = ["", "/deployments", "/logs", "/variables", "/variables/file", "/domains", "/source", "/tasks", "/terminal", "/settings", "/delete"];
  return [
    "/", "/welcome", "/projects", "/projects/new", `/projects/${project.id}`, `/projects/${project.id}/applications/new`, `/projects/${project.id}/delete`,
    "/variables", `/projects/${project.id}/variables`, `/projects/${project.id}/environments/${project.environments[0].id}/variables`,
    ...tabs.map((tab) => `/applications/${application.id}${tab}`),
    ...domains.items.slice(0, 1).flatMap((one) => ["edit", "remove"].map((what) => `/applications/${application.id}/domains?${what}=${one.id}`)),
    "/deployments", "/deployments?state=failed&q=none", "/deployments/analytics", `/deployments/${deployments.items[0].id}`, "/search", "/search?q=clock", "/servers", "/servers/new",
    ...["", "/cleanups", "/edit", "/delete"].map((part) => `/servers/${servers.items[0].id}${part}`), "/servers/keys", "/servers/keys/new",
    "/server-access", "/credentials", "/credentials/registries", "/credentials/hosts", "/members", `/members/${member.id}`, "/api-keys", "/api-keys/new", "/audit", "/account",
  ];
}

const everyPage = (size, theme) => async (given) => {
  const page = await signedIn(given, { size, theme });
  const wrong = [];
  for (const address of await addresses(given)) {
    try {
      const response = await go(page, address);
      if (response.status() !== 200) throw new Error(`answered ${response.status()}`);
      await sound(page);
      silent(page);
    } catch (error) {
      wrong.push(`${address}: ${error.message}`);
      page.said.length = 0;
    }
  }
  await page.context().close();
  if (wrong.length > 0) throw new Error(wrong.join("\n        "));
};

export const every_page_on_a_desktop_in_light = everyPage("desktop", "light");
export const every_page_on_a_desktop_in_dark = everyPage("desktop", "dark");
export const every_page_on_a_phone_in_light = everyPage("phone", "light");
export const every_page_on_a_phone_in_dark = everyPage("phone", "dark");

export async function an_unknown_address_says_so(given) {
  const page = await signedIn(given);
  const response = await page.goto("/nothing/here");
  if (response.status() !== 404) throw new Error(`answered ${response.status()}`);
  await hydrated(page);
  await page.getByText("Nothing is here").waitFor();
  await page.context().close();
}

export async function sign_in_refuses_a_wrong_password(given) {
  const page = await openPage(given);
  await go(page, "/sign-in");
  await sound(page);
  await page.getByLabel("E-mail").fill(given.platform.email);
  await page.getByLabel("Password").fill("not the right one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("do not match").first().waitFor();
  await page.context().close();
}

// All that a browser without a cache asks for, and what of it is program: compressed as for the least of browsers.
export async function the_projects_page_is_light(given) {
  const BUDGET = { requests: 12, bytes: 450_000 };
  const page = await signedIn(given);
  const answers = [];
  page.on("response", (response) => answers.push(response));
  await go(page, "/projects");
  await page.waitForLoadState("networkidle");
  let bytes = 0;
  for (const answer of answers.filter((each) => /\.(js|wasm)$/.test(new URL(each.url()).pathname))) {
    bytes += gzipSync(await answer.body(), { level: 9 }).length;
  }
  console.log(`        ${answers.length} requests, ${bytes} bytes of wasm and JS`);
  if (bytes === 0 || bytes > BUDGET.bytes) throw new Error(`${bytes} bytes of wasm and JS, ${BUDGET.bytes} are allowed`);
  if (answers.length > BUDGET.requests) throw new Error(`${answers.length} requests, ${BUDGET.requests} are allowed`);
  await page.context().close();
}

export async function the_api_is_described_for_people(given) {
  for (const size of ["desktop", "phone"]) {
    const page = await openPage(given, { size, theme: "dark" });
    const response = await page.goto("/api/docs?q=deploy");
    if (response.status() !== 200) throw new Error(`answered ${response.status()}`);
    await page.getByText("deployments.create").first().click();
    await page.getByText("Idempotency-Key").first().waitFor();
    await sound(page);
    silent(page);
    await page.context().close();
  }
}
