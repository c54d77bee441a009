// In a container that serves: a terminal, a scheduled task with its output, the log with its search.
import { go, hydrated, signedIn, silent, sound } from "../browser.mjs";

let made;

// An application with a shell; the samples' images have none.
async function application(platform, page) {
  if (made) return made;
  await go(page, "/projects");
  const hello = (await platform.call(page, "applications.list", { search: "hello" })).items[0];
  const { server_id } = await platform.call(page, "applications.get", { id: hello.id });
  const text = 'FROM canopy-test/busybox:1\nCMD ["sh", "-c", "echo begun; exec busybox httpd -f -p 8080"]\n';
  const { id } = await platform.call(page, "applications.create", {
    environment_id: hello.environment_id,
    server_id,
    name: "shell",
    source: { kind: "dockerfile", text },
    build: { kind: "dockerfile" },
    port: 8080,
    domains: ["shell.localhost"],
  });
  const deployment = await platform.call(page, "deployments.create", { application_id: id });
  const deadline = Date.now() + 180_000;
  let state;
  do {
    state = await platform.call(page, "deployments.get", { id: deployment.id });
  } while (["queued", "running"].includes(state.status) && Date.now() < deadline);
  if (state.status !== "succeeded") throw new Error(`${state.status}: ${JSON.stringify(state.failure)}`);
  made = id;
  return id;
}

export async function a_terminal_runs_commands_in_the_container(given) {
  const page = await signedIn(given);
  const id = await application(given.platform, page);
  await go(page, `/applications/${id}/terminal`);
  await page.waitForSelector("canopy-terminal[data-state=open]");
  await page.keyboard.type("echo sum is $((40 + 2))\n");
  await page.locator(".xterm-rows").getByText("sum is 42").waitFor();
  await page.setViewportSize({ width: 700, height: 600 });
  await page.keyboard.type("exit\n");
  await page.waitForSelector("canopy-terminal[data-state=closed]");
  await page.locator(".xterm-rows").getByText("The shell ended").waitFor();
  silent(page);
  // Away and back within the program: it opens again.
  await page.getByRole("link", { name: "Tasks" }).click();
  await page.waitForURL(/\/tasks$/);
  await page.getByRole("link", { name: "Terminal" }).click();
  await page.waitForSelector("canopy-terminal[data-state=open]");
  await page.context().close();
}

export async function a_task_is_made_run_and_read(given) {
  const page = await signedIn(given);
  const id = await application(given.platform, page);
  await go(page, `/applications/${id}/tasks`);
  await page.getByText("No tasks").waitFor();
  await sound(page);
  await page.getByLabel("Name", { exact: true }).fill("Greet");
  await page.getByLabel("Command", { exact: true }).fill("/bin/sh -c 'echo hello from $(hostname -i)'");
  await page.getByLabel("When", { exact: true }).fill("61 2 * * *");
  await page.getByRole("button", { name: "Create task" }).click();
  await page.getByText("This is no schedule").first().waitFor();
  await page.getByLabel("When", { exact: true }).fill("30 2 * * *");
  await page.getByRole("button", { name: "Create task" }).click();
  await page.waitForURL(/\/tasks\/[0-9a-f-]{36}$/);
  await page.getByText("Next:").waitFor();
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("table", { name: "Runs" }).getByText("Succeeded").first().waitFor({ timeout: 60_000 });
  await sound(page);
  await page.getByRole("table", { name: "Runs" }).getByRole("link").first().click();
  await page.getByText("hello from").waitFor();
  await sound(page);
  await page.context().close();
}

export async function a_task_is_made_without_javascript(given) {
  const first = await signedIn(given);
  const id = await application(given.platform, first);
  await first.context().close();
  const page = await signedIn(given, { javaScriptEnabled: false, size: "phone" });
  await page.goto(`/applications/${id}/tasks`);
  await page.getByLabel("Name", { exact: true }).fill("Plain");
  await page.getByLabel("Command", { exact: true }).fill("true");
  await page.getByLabel("When", { exact: true }).fill("@daily");
  await page.getByRole("button", { name: "Create task" }).click();
  await page.waitForURL(/\/tasks\/[0-9a-f-]{36}$/);
  await page.getByRole("button", { name: "Run now" }).waitFor();
  await page.context().close();
}

export async function a_log_is_searched_by_text_and_time(given) {
  const page = await signedIn(given);
  const id = await application(given.platform, page);
  await go(page, `/applications/${id}/logs`);
  await page.getByRole("log").getByText("begun").waitFor();
  await page.getByPlaceholder("Part of a line").fill("BEG");
  await page.getByLabel(/^From/).fill("1h");
  await page.getByRole("button", { name: "Search" }).click();
  await page.waitForURL(/q=BEG/);
  await hydrated(page);
  await page.getByRole("log").getByText("begun").waitFor();
  await sound(page);
  await go(page, `/applications/${id}/logs?q=nowhere`);
  await page.getByText("No line matches").waitFor();
  silent(page);
  await page.context().close();
}
