//! A real browser: Debian's Chromium, driven through its own `chromedriver`. Needs root and `make setup`; without them a test fails.
//!
//! ```ignore
//! let browser = Browser::start(&Options::default()).await;        // or Options { served_at: Some((domain, address of a HAProxy)) }
//! browser.go("http://ckwc.localhost:8080/openmrs/").await;
//! browser.until("the login page", async |browser| browser.title().await == "Login").await;
//! assert_eq!(browser.said().await, [] as [String; 0]);            // its console: errors, refused contents
//! browser.end().await;
//! ```
//!
//! WebDriver is JSON over HTTP (<https://www.w3.org/TR/webdriver2/>), and what tests need most, the console, the requests and the emulation of screens, are commands of `chromedriver`'s own beside it. So
//! this is one function that asks and a few names for what is asked; a client crate (`fantoccini`) would bring twenty more crates and cover half.
//!
//! Browser and driver live in a process namespace of their own, which ends when the process that started it does, however that ends. The browser resolves no name but `*.localhost` and those that it
//! is told of: nothing reaches the world.
#![allow(dead_code)] // each test binary uses a part of it

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How long [`Browser::until`] waits. Two busy cores make a browser slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// How to start one.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A domain and where all names in it are served, on whatever port they are asked for: a host's HAProxy. Its certificate is not looked at. Default: `*.localhost` on this machine.
    pub served_at: Option<(String, SocketAddr)>,
}

/// What the page is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether the person prefers dark colours.
    pub dark: bool,
}

/// One window.
pub struct Browser {
    http: Client<HttpConnector, Full<axum::body::Bytes>>,
    /// The session's address.
    session: String,
    folder: PathBuf,
    keeper: Child,
}

impl Browser {
    /// Starts a browser that knows nothing of any other.
    pub async fn start(options: &Options) -> Self {
        for program in ["chromium", "chromedriver"] {
            let found = Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success());
            assert!(found, "{program} does not run here: `make setup`");
        }
        let folder = tempfile::Builder::new().prefix("reeve-browser-").tempdir().expect("a folder").keep();
        let script = r#"folder=$1; HOME=$1; export HOME
            unshare --pid --fork --kill-child --mount-proc chromedriver --port=0 & pid=$!
            read -r _; kill -9 $pid; wait $pid; rm -rf "$folder""#;
        let mut keeper = Command::new("sh");
        let errors = fs::File::create(folder.join("log")).expect("a file");
        keeper.args(["-c", script, "sh"]).arg(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors);
        let mut keeper = keeper.spawn().expect("a shell");
        let said = BufReader::new(keeper.stdout.take().expect("its output"));
        let port = tokio::task::spawn_blocking(move || port(said)).await.expect("a thread");
        let http = Client::builder(TokioExecutor::new()).build_http();
        let mut browser = Self { http, session: String::new(), folder, keeper };
        let Some(port) = port else { panic!("chromedriver does not start: {}", browser.log()) };
        let origin = format!("http://127.0.0.1:{port}");
        let made = browser.send(Method::POST, &format!("{origin}/session"), &capabilities(&browser.folder, options)).await;
        let id = made["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("{origin}/session/{id}");
        browser
    }

    /// Goes to an address as a person does who types it: returns when the page is loaded.
    pub async fn go(&self, address: &str) {
        self.ask(Method::POST, "url", &json!({ "url": address })).await;
    }

    /// Loads the page anew as a person does.
    pub async fn again(&self) {
        self.ask(Method::POST, "refresh", &json!({})).await;
    }

    /// What the address bar shows.
    pub async fn address(&self) -> String {
        text(self.ask(Method::GET, "url", &Value::Null).await)
    }

    /// The title of the window.
    pub async fn title(&self) -> String {
        text(self.ask(Method::GET, "title", &Value::Null).await)
    }

    /// What a person reads on the page.
    pub async fn text(&self) -> String {
        text(self.run("return document.body.innerText", &[]).await)
    }

    /// Clicks what the CSS selector finds first.
    pub async fn click(&self, selector: &str) {
        let found = self.ask(Method::POST, "element", &json!({ "using": "css selector", "value": selector })).await;
        let id = found.as_object().and_then(|one| one.values().next()).and_then(Value::as_str).expect("an element").to_owned();
        self.ask(Method::POST, &format!("element/{id}/click"), &json!({})).await;
    }

    /// The result of a function's body, run in the page; a promise is waited for. `arguments` holds what is given.
    pub async fn run(&self, body: &str, arguments: &[Value]) -> Value {
        self.ask(Method::POST, "execute/sync", &json!({ "script": body, "args": arguments })).await
    }

    /// Waits until it is so; fails with what the page shows if it never is.
    pub async fn until(&self, what: &str, mut is_so: impl AsyncFnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self).await {
            assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}. {} shows:\n{}", self.address().await, self.text().await);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Shows pages on another screen from now on.
    pub async fn look(&self, screen: Screen) {
        let size = json!({ "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if screen.dark { "dark" } else { "light" };
        let still = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }, still] });
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    /// What the window shows, as a PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let taken = self.command("Page.captureScreenshot", json!({ "format": "png" })).await;
        STANDARD.decode(taken["data"].as_str().expect("a picture")).expect("base64")
    }

    /// What its console said since this was last asked: errors of scripts, refused contents, answers of 400 and more.
    pub async fn said(&self) -> Vec<String> {
        let lines = self.ask(Method::POST, "se/log", &json!({ "type": "browser" })).await;
        let lines = lines.as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| format!("{}: {}", line["level"], line["message"])).collect()
    }

    /// The addresses that it asked for since this was last asked, whoever did: the window, a page, the browser by itself.
    pub async fn requested(&self) -> Vec<String> {
        let lines = self.ask(Method::POST, "se/log", &json!({ "type": "performance" })).await;
        let events = lines.as_array().cloned().unwrap_or_default().into_iter().filter_map(|line| {
            let line: Value = serde_json::from_str(line["message"].as_str()?).ok()?;
            let sent = line["message"]["method"] == "Network.requestWillBeSent";
            sent.then(|| line["message"]["params"]["request"]["url"].as_str().map(str::to_owned)).flatten()
        });
        // What it shows before anything else, and what needs no network.
        events.filter(|address| !address.starts_with("chrome://") && !address.starts_with("data:")).collect()
    }

    /// What [axe-core](https://github.com/dequelabs/axe-core) finds wrong with the page for people who hear it, see little or use no mouse.
    pub async fn barriers(&self) -> Vec<String> {
        if self.run("return typeof axe", &[]).await == "undefined" {
            // Not as a script of the page: its policy allows none.
            let source = fs::read_to_string(axe()).expect("axe-core");
            self.command("Runtime.evaluate", json!({ "expression": source })).await;
        }
        let body = "return axe.run().then(found => found.violations.map(one => \
                    one.id + ' (' + one.impact + '): ' + one.help + ': ' + one.nodes.map(node => node.html).join(' ')))";
        let found = self.run(body, &[]).await;
        found.as_array().expect("a list").iter().map(|one| text(one.clone())).collect()
    }

    /// A command of the DevTools protocol: <https://chromedevtools.github.io/devtools-protocol/>.
    pub async fn command(&self, name: &str, parameters: Value) -> Value {
        self.ask(Method::POST, "goog/cdp/execute", &json!({ "cmd": name, "params": parameters })).await
    }

    /// Ends it; a browser that is only dropped ends too.
    pub async fn end(self) {
        self.ask(Method::DELETE, "", &Value::Null).await;
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let address = format!("{}/{path}", self.session);
        self.send(method, address.trim_end_matches('/'), body).await
    }

    async fn send(&self, method: Method, address: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).expect("JSON") };
        let request = Request::builder().method(&method).uri(address).header("content-type", "application/json");
        let request = request.body(Full::new(body.into())).expect("a request");
        let answer = self.http.request(request).await.unwrap_or_else(|error| panic!("{method} {address}: {error}: {}", self.log()));
        let (status, body) = (answer.status(), answer.into_body().collect().await.expect("an answer").to_bytes());
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        assert!(status.is_success(), "{method} {address}: {}: {}", answer["value"]["error"], answer["value"]["message"]);
        answer["value"].clone()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

/// `chromedriver` says where it listens, and nothing more that is wanted.
fn port(said: impl BufRead) -> Option<u16> {
    let lines = said.lines().map_while(Result::ok);
    lines.into_iter().find_map(|line| line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok())
}

fn capabilities(folder: &Path, options: &Options) -> Value {
    // The first that fits counts. Chromium by itself would ask for updates.
    let served = options.served_at.as_ref().map(|(domain, place)| format!("MAP *.{domain} {place}, ")).unwrap_or_default();
    let names = format!("{served}MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE 127.0.0.1");
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // It is root here, where Chromium has no sandbox of its own.
        "--no-sandbox".into(),
        "--disable-gpu".into(),
        "--disable-dev-shm-usage".into(),
        "--disable-background-networking".into(),
        "--disable-component-update".into(),
        "--no-first-run".into(),
        "--hide-scrollbars".into(),
        "--lang=en".into(),
        format!("--host-resolver-rules={names}"),
        format!("--user-data-dir={}", folder.join("profile").display()),
    ];
    arguments.extend(options.served_at.as_ref().map(|_| "--ignore-certificate-errors".to_owned()));
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "pageLoadStrategy": "normal",
        "goog:chromeOptions": { "binary": "/usr/bin/chromium", "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
    } } })
}

/// Where `make setup` puts axe-core.
fn axe() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sandbox/axe/axe_playwright_python/axe.min.js");
    assert!(path.exists(), "{} is missing: `make setup`", path.display());
    path
}

fn text(value: Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
