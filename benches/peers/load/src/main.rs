//! Asks an HTTP service the same questions again and again, and times the answers:
//! `hashgate-load HOST:PORT QUESTIONS CONNECTIONS SECONDS [RATE]`.
//!
//! QUESTIONS is a file of JSON Lines: `{"method", "path", "headers": {…}, "body": "a file's path, or null"}`. They are asked
//! in turn. Without RATE each connection asks as soon as it has its answer. With RATE (questions a second, over all
//! connections) question *i* is due at *i*/RATE seconds, and its time counts from when it was due, not from when a connection
//! was free for it: a service that stands still is charged for all who wait ("coordinated omission").
//!
//! Everything runs on one thread. The answers are read to their ends. Prints one JSON object.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Failure = Box<dyn Error>;

#[derive(serde::Deserialize)]
struct Line {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

struct Question {
    line: Line,
    body: Bytes,
}

/// What all connections share.
struct Run {
    address: String,
    questions: Vec<Question>,
    began: Instant,
    length: Duration,
    rate: Option<f64>,
    next: Cell<u64>,
    told: RefCell<Told>,
}

#[derive(Default)]
struct Told {
    /// Microseconds of each answer.
    times: Vec<u32>,
    /// Answers by status; `0` stands for a connection that failed.
    statuses: BTreeMap<u16, u64>,
}

#[derive(serde::Serialize)]
struct Report {
    requests: usize,
    seconds: f64,
    per_second: f64,
    statuses: BTreeMap<u16, u64>,
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

fn main() -> Result<(), Failure> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: hashgate-load HOST:PORT QUESTIONS CONNECTIONS SECONDS [RATE]";
    let [address, questions, connections, seconds, rest @ ..] = given.as_slice() else {
        return Err(usage.into());
    };
    let rate = match rest {
        [] => None,
        [rate] => Some(rate.parse()?),
        _ => return Err(usage.into()),
    };
    let run = Rc::new(Run {
        address: address.clone(),
        questions: read(questions)?,
        began: Instant::now(),
        length: Duration::from_secs_f64(seconds.parse()?),
        rate,
        next: Cell::new(0),
        told: RefCell::default(),
    });
    let connections: usize = connections.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let workers: Vec<_> = (0..connections)
            .map(|_| tokio::task::spawn_local(ask_until_the_end(Rc::clone(&run))))
            .collect();
        for worker in workers {
            worker.await?;
        }
        Ok::<_, Failure>(())
    })?;
    println!("{}", serde_json::to_string(&report(&run))?);
    Ok(())
}

fn read(path: &str) -> Result<Vec<Question>, Failure> {
    let text = std::fs::read_to_string(path)?;
    let questions = text.lines().map(|line| {
        let line: Line = serde_json::from_str(line)?;
        let body = line
            .body
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), std::fs::read)?;
        Ok(Question {
            line,
            body: body.into(),
        })
    });
    let questions = questions.collect::<Result<Vec<_>, Failure>>()?;
    if questions.is_empty() {
        return Err("there are no questions".into());
    }
    Ok(questions)
}

async fn ask_until_the_end(run: Rc<Run>) {
    let mut sender = None;
    loop {
        let number = run.next.get();
        run.next.set(number + 1);
        let due = match run.rate {
            Some(rate) => run.began + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now(),
        };
        if due.duration_since(run.began) >= run.length {
            return;
        }
        // This program's own clock is coarse. Its lateness is not the service's; that no connection was free is.
        let was_free = Instant::now() < due;
        if was_free {
            tokio::time::sleep_until(due.into()).await;
        }
        let counted = if was_free { Instant::now() } else { due };
        let question = &run.questions[(number % run.questions.len() as u64) as usize];
        let status = ask(&run, &mut sender, question).await.unwrap_or_default();
        let mut told = run.told.borrow_mut();
        *told.statuses.entry(status).or_default() += 1;
        told.times
            .push(counted.elapsed().as_micros().try_into().unwrap_or(u32::MAX));
        if status == 0 {
            sender = None;
        }
    }
}

type Sender = SendRequest<Full<Bytes>>;

async fn ask(run: &Run, kept: &mut Option<Sender>, question: &Question) -> Result<u16, Failure> {
    // A service may close a connection between two questions: then there is a new one.
    if let Some(sender) = kept.as_mut()
        && sender.ready().await.is_err()
    {
        *kept = None;
    }
    let sender = match kept {
        Some(sender) => sender,
        None => kept.insert(connect(&run.address).await?),
    };
    let mut request = hyper::Request::builder()
        .method(question.line.method.as_str())
        .uri(&question.line.path)
        .header("host", &run.address);
    for (name, value) in &question.line.headers {
        request = request.header(name, value);
    }
    let answer = sender
        .send_request(request.body(Full::new(question.body.clone()))?)
        .await?;
    let status = answer.status().as_u16();
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(status)
}

async fn connect(address: &str) -> Result<Sender, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move {
        let _ = connection.await;
    });
    sender.ready().await?;
    Ok(sender)
}

fn report(run: &Run) -> Report {
    let told = run.told.take();
    let mut times = told.times;
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len().max(1)) - 1;
        times.get(place).copied().map_or(f64::NAN, f64::from)
    };
    let seconds = run.began.elapsed().as_secs_f64();
    Report {
        requests: times.len(),
        seconds,
        per_second: times.len() as f64 / seconds,
        statuses: told.statuses,
        p50: at(0.50),
        p90: at(0.90),
        p99: at(0.99),
        max: at(1.0),
    }
}
