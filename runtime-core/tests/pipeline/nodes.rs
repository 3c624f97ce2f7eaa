//! Nodes that do what their items say.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use remotemedia_runtime_core::data::{RuntimeData, StreamId, TransportData};
use remotemedia_runtime_core::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, PortSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// What [`Light`] and [`Heavy`] can be told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub(crate) struct ScriptParams {
    /// Stands in every output.
    #[serde(default)]
    pub(crate) label: String,
    /// Name of the [`Gate`] for `wait`.
    #[serde(default)]
    pub(crate) gate: String,
    /// `fail` or `panic`: the node cannot be made.
    #[serde(default)]
    pub(crate) create: String,
    /// Stands in every output.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10))]
    pub(crate) level: u8,
    /// Name under which its instances are counted by [`alive`].
    #[serde(default)]
    pub(crate) counted_as: String,
}

fn one() -> u8 {
    1
}

/// A node that does what each item's `do` says: `pass`, `twice`, `fail`, `panic`, `wait` (at its gate),
/// `wait_behind` (the next node, at its gate),
/// `hold` (until flushed), `stray` (to a port that it does not have), `half` (an output, then a failure),
/// `side` (to its second port), `new` (an output that knows nothing of the item), `tell` (sends the
/// control item in `message`).
struct Script {
    params: ScriptParams,
    stream: Option<StreamId>,
    seen: u64,
    held: Vec<TransportData>,
}

impl Script {
    fn create(params: ScriptParams, context: &NodeContext) -> Result<Self, NodeError> {
        match params.create.as_str() {
            "fail" => return Err(NodeError::failed("told to fail")),
            "panic" => panic!("told to panic"),
            _ => {}
        }
        count(&params.counted_as, 1);
        Ok(Self { params, stream: context.stream.clone(), seen: 0, held: Vec::new() })
    }

    fn process(&mut self, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        self.seen += 1;
        let RuntimeData::Json(told) = &item.data else {
            outputs.send(item);
            return Ok(());
        };
        let mut said = told.as_ref().clone();
        said["label"] = json!(self.params.label);
        said["level"] = json!(self.params.level);
        said["seen"] = json!(self.seen);
        said["stream"] = json!(self.stream.as_ref().map(ToString::to_string));
        said["thread"] = json!(std::thread::current().name());
        let command = told["do"].as_str().unwrap_or("pass");
        // Only the first node of a chain does it; all of them hold back.
        said["do"] = json!(match command {
            "hold" => "hold",
            "wait_behind" => "wait",
            _ => "pass",
        });
        let answer = item.with_data(said);
        match command {
            "twice" => outputs.send(answer.clone()),
            "fail" => return Err(NodeError::failed("told to fail")),
            "panic" => panic!("told to panic"),
            "wait" => Gate::named(&self.params.gate).pass(),
            "hold" => {
                self.held.push(answer);
                return Ok(());
            }
            "stray" => {
                outputs.send_to("nowhere", answer);
                return Ok(());
            }
            "half" => {
                outputs.send(answer);
                return Err(NodeError::failed("told to fail after an output"));
            }
            "side" => {
                outputs.send_to("side", answer);
                return Ok(());
            }
            "tell" => {
                let message = serde_json::from_value(told["message"].clone()).map_err(NodeError::failed)?;
                outputs.send(item.with_data(RuntimeData::Control(Arc::new(message))));
            }
            "new" => {
                outputs.send(TransportData::new(json!({"n": told["n"]})));
                return Ok(());
            }
            _ => {}
        }
        outputs.send(answer);
        Ok(())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        count(&self.params.counted_as, -1);
    }
}

/// Returns how many instances are counted under `name`.
pub(crate) fn alive(name: &str) -> i64 {
    count(name, 0)
}

fn count(name: &str, change: i64) -> i64 {
    static ALIVE: Mutex<BTreeMap<String, i64>> = Mutex::new(BTreeMap::new());
    let mut alive = ALIVE.lock().expect("no test panics in here");
    let instances = alive.entry(name.to_owned()).or_default();
    *instances += change;
    *instances
}

macro_rules! scripted {
    ($(#[$doc:meta])* $name:ident, $spec:expr) => {
        $(#[$doc])*
        pub(crate) struct $name(Script);

        impl Node for $name {
            type Params = ScriptParams;

            const SPEC: NodeSpec = $spec
                .inputs(&[PortSpec::new("in", &[]), PortSpec::new("second", &[])])
                .outputs(&[PortSpec::new("out", &[]), PortSpec::new("side", &[])]);

            fn create(params: ScriptParams, context: &NodeContext) -> Result<Self, NodeError> {
                Ok(Self(Script::create(params, context)?))
            }

            fn process(&mut self, _: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
                self.0.process(item, outputs)
            }

            fn reconfigure(&mut self, params: ScriptParams) -> Result<(), NodeError> {
                if params.label == "refused" {
                    return Err(NodeError::failed("told to refuse"));
                }
                // Counted under the name that it was made with.
                let counted_as = std::mem::take(&mut self.0.params.counted_as);
                self.0.params = ScriptParams { counted_as, ..params };
                Ok(())
            }

            fn flush(&mut self, outputs: &mut Outputs) -> Result<(), NodeError> {
                self.0.held.drain(..).for_each(|item| outputs.send(item));
                Ok(())
            }

            fn end_stream(&mut self, stream: &StreamId, outputs: &mut Outputs) -> Result<(), NodeError> {
                outputs.send(TransportData::new(json!({"ended": stream.to_string()})));
                Ok(())
            }
        }
    };
}

scripted!(
    /// A [`Script`] in a task.
    Light,
    NodeSpec::new("Light", "Does what it is told, in a task.")
);

scripted!(
    /// A [`Script`] on a thread.
    Heavy,
    NodeSpec::new("Heavy", "Does what it is told, on a thread.").heavy()
);

/// A source that gives out `count` numbers, `interval_ms` apart.
pub(crate) struct Ticker {
    params: TickerParams,
    n: u64,
}

/// What [`Ticker`] can be told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct TickerParams {
    /// How many.
    pub(crate) count: u64,
    /// How far apart.
    pub(crate) interval_ms: u64,
    /// The number at which it panics, once it has been given out.
    #[serde(default)]
    pub(crate) panic_at: Option<u64>,
}

impl Node for Ticker {
    type Params = TickerParams;

    const SPEC: NodeSpec =
        NodeSpec::new("Ticker", "Gives out numbers.").outputs(&[PortSpec::new("out", &[])]);

    fn create(params: TickerParams, _: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self { params, n: 0 })
    }

    fn process(&mut self, _: &str, _: TransportData, _: &mut Outputs) -> Result<(), NodeError> {
        Err(NodeError::failed("a source takes nothing"))
    }

    fn produce(&mut self, elapsed: Duration, outputs: &mut Outputs) -> Result<Option<Duration>, NodeError> {
        if self.params.panic_at == Some(self.n) {
            panic!("told to panic");
        }
        if self.n < self.params.count {
            let elapsed_ms = u64::try_from(elapsed.as_millis()).map_err(NodeError::failed)?;
            outputs.send(TransportData::new(json!({"n": self.n, "elapsed_ms": elapsed_ms})));
            self.n += 1;
        }
        let next = Duration::from_millis(self.n * self.params.interval_ms);
        Ok((self.n < self.params.count).then_some(next))
    }

    fn reconfigure(&mut self, params: TickerParams) -> Result<(), NodeError> {
        self.params = params;
        Ok(())
    }
}

/// Where a node waits until a test lets it pass.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
    arrivals: tokio::sync::Notify,
}

#[derive(Default)]
struct GateState {
    open: bool,
}

impl Gate {
    /// Returns the gate of that name; every test uses its own.
    pub(crate) fn named(name: &str) -> Arc<Self> {
        static GATES: Mutex<BTreeMap<String, Arc<Gate>>> = Mutex::new(BTreeMap::new());
        GATES.lock().expect("no test panics in here").entry(name.to_owned()).or_default().clone()
    }

    /// Waits until a node stands at the gate.
    pub(crate) async fn reached(&self) {
        super::within(self.arrivals.notified()).await;
    }

    /// Lets all pass, now and later.
    pub(crate) fn open(&self) {
        self.state.lock().expect("no test panics in here").open = true;
        self.changed.notify_all();
    }

    fn pass(&self) {
        self.arrivals.notify_one();
        let mut state = self.state.lock().expect("no test panics in here");
        while !state.open {
            state = self.changed.wait(state).expect("no test panics in here");
        }
    }
}
