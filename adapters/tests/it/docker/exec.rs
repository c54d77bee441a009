//! Commands in a running container: how they run, and that they end with whoever wanted them.

use super::{Corner, collector, nowhere, text, until};
use contract::deployments::Stream;
use futures::StreamExt;
use services::servers::engine::{BuildRequest, ContainerEventKind, Engine, EngineError, Labels};
use services::servers::exec::{ExecEnd, ExecRequest, Terminal, TerminalSize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);
const SIZE: TerminalSize = TerminalSize { columns: 91, rows: 37 };

fn request(container: &str, command: &[&str]) -> ExecRequest {
    ExecRequest {
        container: container.to_owned(),
        mark: Uuid::now_v7(),
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        environment: BTreeMap::new(),
        user: None,
        folder: None,
    }
}

fn shell(container: &str, script: &str) -> ExecRequest {
    request(container, &["sh", "-c", script])
}

/// The programs that run in a container, as the machine sees them.
async fn processes(container: &str) -> String {
    let output = Command::new("docker").args(["top", container, "-eo", "pid,args"]).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

async fn helpers(corner: &Corner) -> usize {
    let mut labels = corner.labels();
    labels.insert("canopy.role".to_owned(), "reaper".to_owned());
    corner.engine.containers(&labels).await.unwrap().len()
}

async fn sleeper(corner: &Corner) -> String {
    corner.started(corner.container("app", "sleep 100000")).await
}

#[tokio::test]
async fn docker_a_command_answers_its_output_and_its_exit_code() {
    let corner = Corner::new().await;
    let id = sleeper(&corner).await;
    let (sink, taken) = collector();
    let script = "echo $GREETING \"$1\"; echo $(id -u) $(pwd) >&2; exit 7";
    let mut request = request(&id, &["sh", "-c", script, "sh", "$(reboot) ; 'x'"]);
    request.environment.insert("GREETING".into(), "hello".into());
    (request.user, request.folder) = (Some("1234".into()), Some("/bin".into()));
    let code = corner.engine.exec(request, MINUTE, sink, &CancellationToken::new()).await.unwrap();
    assert_eq!(code, 7);
    let of = |stream| -> String {
        let taken = taken.lock().unwrap();
        let own = taken.iter().filter(|output| output.stream == stream);
        own.map(|output| String::from_utf8_lossy(&output.bytes).into_owned()).collect()
    };
    assert_eq!((of(Stream::Stdout).as_str(), of(Stream::Stderr).as_str()), ("hello $(reboot) ; 'x'\n", "1234 /bin\n"));
    assert_eq!(helpers(&corner).await, 0);
}

#[tokio::test]
async fn docker_an_absent_program_and_an_absent_container_are_told() {
    let corner = Corner::new().await;
    let id = sleeper(&corner).await;
    let (sink, taken) = collector();
    let never = CancellationToken::new();
    let code = corner.engine.exec(request(&id, &["/absent"]), MINUTE, sink, &never).await.unwrap();
    assert!([126, 127].contains(&code), "{code}");
    assert!(text(&taken).contains("/absent"), "{}", text(&taken));
    let gone = corner.engine.exec(request("canopy-absent", &["true"]), MINUTE, nowhere(), &never).await;
    assert!(matches!(gone, Err(EngineError::NotFound(_))), "{gone:?}");
    corner.engine.stop_container(&id, Duration::from_secs(1)).await.unwrap();
    let stopped = corner.engine.exec(request(&id, &["true"]), MINUTE, nowhere(), &never).await;
    assert!(matches!(stopped, Err(EngineError::Conflict(_))), "{stopped:?}");
}

#[tokio::test]
async fn docker_a_command_that_leaves_something_behind_ends_all_the_same() {
    let corner = Corner::new().await;
    let id = sleeper(&corner).await;
    let (sink, taken) = collector();
    let script = shell(&id, "sleep 5000 & echo done");
    let code = corner.engine.exec(script, MINUTE, sink, &CancellationToken::new()).await.unwrap();
    assert_eq!((code, text(&taken).as_str()), (0, "done\n"));
    assert!(processes(&id).await.contains("sleep 5000"));
}

/// Whatever a command does to get away: children of its own, another session, no environment, deaf to requests.
#[tokio::test]
async fn docker_a_command_that_is_cancelled_or_takes_too_long_ends_with_all_that_it_started() {
    let corner = Corner::new().await;
    let id = sleeper(&corner).await;
    let scripts = [
        "sleep 5001 & sleep 5002",
        "setsid sleep 5003 & env -i /bin/sleep 5004 & sleep 5005",
        "trap '' TERM HUP; sleep 5006 & while :; do sleep 0.1; done",
        "exec env -i /bin/sh -c '/bin/sleep 5007 & /bin/sleep 5008'",
        "(setsid sh -c 'sleep 5009 & sleep 5010' &) ; sleep 5011",
    ];
    for (number, script) in scripts.into_iter().enumerate() {
        let ended = if number % 2 == 0 {
            let cancel = CancellationToken::new();
            let stop = cancel.clone();
            let running = corner.engine.exec(shell(&id, script), MINUTE, nowhere(), &cancel);
            let stopping = async {
                until("it runs", || async { processes(&id).await.matches("sleep 50").count() > 0 }).await;
                stop.cancel();
            };
            let (ended, ()) = tokio::join!(running, stopping);
            assert!(matches!(ended, Err(EngineError::Cancelled)), "{script}: {ended:?}");
            ended
        } else {
            let limit = Duration::from_millis(700);
            corner.engine.exec(shell(&id, script), limit, nowhere(), &CancellationToken::new()).await
        };
        assert!(matches!(ended, Err(EngineError::Cancelled | EngineError::TimedOut(_))), "{script}: {ended:?}");
        let left = processes(&id).await;
        assert!(!left.contains("sleep 50") && !left.contains("sleep 0.1"), "{script}: {left}");
        assert!(left.contains("sleep 100000"), "{script}: the application itself goes on: {left}");
    }
    assert_eq!(helpers(&corner).await, 0);
}

#[tokio::test]
async fn docker_a_command_whose_caller_goes_away_ends_too() {
    let corner = Corner::new().await;
    let id = sleeper(&corner).await;
    let never = CancellationToken::new();
    let running = corner.engine.exec(shell(&id, "sleep 6001 & sleep 6002"), MINUTE, nowhere(), &never);
    let seen = until("it runs", || async { processes(&id).await.contains("sleep 6002") });
    tokio::select! {
        ended = running => panic!("it ended: {ended:?}"),
        () = seen => {}
    }
    until("it has ended", || async { !processes(&id).await.contains("sleep 600") }).await;
    until("the helper is gone", || async { helpers(&corner).await == 0 }).await;
}

/// An image made from scratch has neither a shell nor `kill`; another one declares a health check.
#[tokio::test]
async fn docker_a_command_ends_in_an_image_with_nothing_in_it() {
    let corner = Corner::new().await;
    let folder = tempfile::tempdir().unwrap();
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| std::path::Path::new(path).exists());
    std::fs::copy(busybox.unwrap(), folder.path().join("sleep")).unwrap();
    let dockerfile = "FROM scratch\nCOPY sleep /sleep\nVOLUME /data\nUSER 4321\nHEALTHCHECK --interval=1s CMD [\"/sleep\", \"9\"]\n\
        ENTRYPOINT [\"/sleep\"]\nCMD [\"100000\"]\n";
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    let build = BuildRequest { labels: Labels::new(), ..corner.build(folder.path()) };
    let image = corner.engine.build(build, nowhere(), &CancellationToken::new()).await.unwrap();
    let mut spec = corner.container("bare", "");
    (spec.image, spec.command) = (image.digest.clone(), None);
    let id = corner.started(spec).await;
    assert!(!corner.engine.has_file(&id, "/bin/sh").await.unwrap());
    assert!(corner.engine.has_file(&id, "/sleep").await.unwrap());
    let limit = Duration::from_millis(500);
    let never = CancellationToken::new();
    let ended = corner.engine.exec(request(&id, &["/sleep", "7001"]), limit, nowhere(), &never).await;
    assert!(matches!(ended, Err(EngineError::TimedOut(_))), "{ended:?}");
    assert!(!processes(&id).await.contains("7001"));
    corner.engine.remove_container(&id).await.unwrap();
    corner.engine.remove_image(&image.digest).await.unwrap();
}

/// What a terminal has shown so far.
struct Screen {
    terminal: Terminal,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Screen {
    async fn until(&mut self, words: &str) {
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                if String::from_utf8_lossy(&self.shown.lock().unwrap()).contains(words) {
                    return;
                }
                let chunk = self.terminal.output.next().await.expect("it is open").unwrap();
                self.shown.lock().unwrap().extend_from_slice(&chunk);
            }
        });
        let shown = || String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned();
        waited.await.unwrap_or_else(|_| panic!("never {words:?} in {:?}", shown()));
    }
}

#[tokio::test]
async fn docker_a_terminal_takes_input_and_sizes_and_ends_when_it_is_told() {
    let corner = Corner::new().await;
    let id = sleeper(&corner).await;
    let shell = request(&id, &["/bin/sh"]);
    let mark = shell.mark;
    let terminal = corner.engine.open_terminal(shell, SIZE).await.unwrap();
    let mut screen = Screen { terminal, shown: Arc::default() };
    screen.terminal.input.write_all(b"stty size; sleep 8001 & echo o\"\"k\n").await.unwrap();
    screen.until("37 91").await;
    screen.until("ok").await;
    screen.terminal.control.resize(TerminalSize { columns: 50, rows: 20 }).await.unwrap();
    // Bytes that the Engine uses for its own frames come through.
    screen.terminal.input.write_all(b"stty size; printf '\\001\\002\\000\\377'; echo e\"\"nd\n").await.unwrap();
    screen.until("20 50").await;
    screen.until("end").await;
    assert!(screen.shown.lock().unwrap().windows(4).any(|window| window == [1, 2, 0, 255]));
    assert_eq!(screen.terminal.control.exit_code().await.unwrap(), None);
    // Interactive shells keep what they started in the background: the mark finds it.
    let end = ExecEnd { container: id.clone(), mark, age: Duration::ZERO, grace: Duration::from_millis(500) };
    corner.engine.end_exec(end.clone()).await.unwrap();
    until("it has ended", || async { screen.terminal.control.exit_code().await.unwrap().is_some() }).await;
    assert!(!processes(&id).await.contains("sleep 8001"));
    corner.engine.end_exec(end.clone()).await.unwrap();
    corner.engine.remove_container(&id).await.unwrap();
    corner.engine.end_exec(end).await.unwrap();
}

#[tokio::test]
async fn docker_events_tell_starts_ends_and_lack_of_memory() {
    let corner = Corner::new().await;
    let mut events = corner.engine.events(&corner.labels()).await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let listening = tokio::spawn({
        let seen = seen.clone();
        async move {
            while let Some(Ok(event)) = events.next().await {
                seen.lock().unwrap().push((event.container, event.kind));
            }
        }
    });
    // The Engine listens from when it was asked: a container that comes again and again is seen at some time.
    let first = Mutex::new(String::new());
    until("it listens", || async {
        let id = corner.started(corner.container(&Uuid::now_v7().simple().to_string(), "exit 5")).await;
        *first.lock().unwrap() = id;
        !seen.lock().unwrap().is_empty()
    })
    .await;
    let id = first.lock().unwrap().clone();
    let ended = (id.clone(), ContainerEventKind::Ended { code: 5 });
    until("its end is seen", || async { seen.lock().unwrap().contains(&ended) }).await;
    let mut hungry = corner.container("hungry", "x=y; while :; do x=$x$x; done");
    hungry.memory_bytes = Some(16 << 20);
    let id = corner.started(hungry).await;
    let out = (id, ContainerEventKind::OutOfMemory);
    until("the lack of memory is seen", || async { seen.lock().unwrap().contains(&out) }).await;
    listening.abort();
}
