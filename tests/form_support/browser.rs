//! Headless Chromium, told what to do over a pipe (the DevTools protocol).

#![allow(unreachable_pub, reason = "a test's own module")]

use crate::common::{Watched, wait_until, watched};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// A browser with one page.
pub struct Browser {
    to: File,
    from: BufReader<File>,
    count: u64,
    session: Value,
    _program: Watched,
    _folder: tempfile::TempDir,
}

/// `chromium`, or what `HASHGATE_CHROMIUM` names; `None`, with a line that says so, where there is none.
fn program() -> Option<std::ffi::OsString> {
    let named = std::env::var_os("HASHGATE_CHROMIUM");
    let program = named.unwrap_or_else(|| "chromium".into());
    let version = Command::new(&program).arg("--version").output();
    if version.is_ok_and(|output| output.status.success()) {
        return Some(program);
    }
    let required = std::env::var_os("HASHGATE_REQUIRE_DATA").is_some_and(|value| value == "1");
    let wanted = "there is no Chromium; Debian's package chromium brings it";
    assert!(!required, "{wanted}");
    println!("skipped: {wanted}");
    None
}

impl Browser {
    /// Starts it; `None` where there is none on this machine.
    pub fn start() -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().expect("a folder");
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        let made = Command::new("mkfifo").args([&input, &output]).status();
        assert!(made.expect("mkfifo runs").success());
        // The browser reads from its file 3 and writes to 4.
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$@\" 3<\"$TO\" 4>\"$FROM\"", "sh"])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--force-color-profile=srgb",
                "--hide-scrollbars",
                "--remote-debugging-pipe",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .env("TO", &input)
            .env("FROM", &output)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let program = watched(&mut command);
        let to = File::options().write(true).open(&input).expect("a pipe");
        let from = BufReader::new(File::open(&output).expect("a pipe"));
        let mut browser = Self {
            to,
            from,
            count: 0,
            session: Value::Null,
            _program: program,
            _folder: folder,
        };
        let page = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        browser.session = browser.call("Target.attachToTarget", &attach)["sessionId"].take();
        Some(browser)
    }

    fn try_call(&mut self, method: &str, parameters: &Value) -> Result<Value, Value> {
        self.count += 1;
        let mut message = json!({ "id": self.count, "method": method, "params": parameters });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        let text = format!("{message}\0");
        self.to
            .write_all(text.as_bytes())
            .expect("the browser reads");
        loop {
            let mut answer = Vec::new();
            self.from.read_until(0, &mut answer).expect("an answer");
            assert_eq!(answer.pop(), Some(0), "the browser ended");
            let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
            // Others tell what happens.
            if answer["id"] == self.count {
                return match answer.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(answer["result"].take()),
                };
            }
        }
    }

    #[track_caller]
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let answer = self.try_call(method, parameters);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// What an expression of JavaScript gives in the page.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", &parameters);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].take()
    }

    /// The size of what is seen of a page, in pixels.
    pub fn set_size(&mut self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    pub fn open(&mut self, address: &str) {
        self.call("Page.navigate", &json!({ "url": address }));
    }

    /// Waits until the page is loaded whose main part has this id, in this language.
    #[track_caller]
    pub fn wait_for(&mut self, id: &str, lang: &str) {
        let expression = format!(
            "document.readyState == 'complete' && document.documentElement.lang == '{lang}' \
             && document.querySelector('main#{id}') != null"
        );
        let parameters = json!({ "expression": expression, "returnByValue": true });
        // While one page goes and the next comes there is none to be asked.
        wait_until(
            || {
                let answer = self.try_call("Runtime.evaluate", &parameters);
                answer.is_ok_and(|answer| answer["result"]["value"] == true)
            },
            id,
        );
    }

    /// Chooses a file as a person does.
    pub fn choose(&mut self, selector: &str, file: &Path) {
        let expression = format!("document.querySelector('{selector}')");
        let element = self.call("Runtime.evaluate", &json!({ "expression": expression }));
        let files = json!({ "files": [file], "objectId": element["result"]["objectId"] });
        self.call("DOM.setFileInputFiles", &files);
    }

    /// A press of the mouse in the middle of an element.
    pub fn click(&mut self, selector: &str) {
        let expression = format!(
            "(() => {{ const r = document.querySelector('{selector}').getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let at = self.value(&expression);
        for kind in ["mousePressed", "mouseReleased"] {
            let press =
                json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &press);
        }
    }

    /// Writes what is seen to `$HASHGATE_SCREENSHOTS/NAME.png`, where that is set.
    pub fn shoot(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("HASHGATE_SCREENSHOTS") else {
            return;
        };
        let shot = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = BASE64
            .decode(shot["data"].as_str().expect("base64"))
            .expect("base64");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).expect("it is written");
    }
}
