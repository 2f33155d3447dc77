//! The Worker's side of training: requests come in between two steps, events go out.

use super::protocol::{Begin, Event, MAX_RUNS, Own, Request};
use super::run::{Done, LiveRun, RunError};
use super::save::{Labels, pack};
use crate::unpack::{Unpacked, unpack};
use crate::worker::{self, Service, memory, next_turn, now, say};
use burn::tensor::backend::AutodiffBackend;
use nsa_core::data::{IMAGE_BYTES, Sides};

type Inner<B> = <B as AutodiffBackend>::InnerBackend;

/// A run and how long it has trained.
struct Timed<B: AutodiffBackend> {
    live: LiveRun<B>,
    seconds: f64,
}

/// Trains as the page asks, for as long as the Worker lives. `backend` is what the page
/// shows and tests see (`cpu` or `webgpu`).
pub async fn serve_training<B: AutodiffBackend>(backend: &str, name: String, device: B::Device) {
    let start = async { Ok(Training::<B> { device, name: name.clone(), runs: Vec::new(), playing: false }) };
    worker::serve(backend, name.clone(), Some, start).await;
}

/// The runs of a Worker, trained a step of each in turn.
struct Training<B: AutodiffBackend> {
    device: B::Device,
    name: String,
    runs: Vec<Timed<B>>,
    playing: bool,
}

impl<B: AutodiffBackend> Service for Training<B> {
    type Request = Request;
    type Event = Event;

    async fn answer(&mut self, request: Request, bytes: Vec<u8>) {
        let done = self.run(request, bytes).await;
        self.stop_if_failed(done);
    }

    fn is_at_work(&self) -> bool {
        self.playing
    }

    async fn work(&mut self) {
        let done = self.turn().await;
        self.stop_if_failed(done);
    }
}

impl<B: AutodiffBackend> Training<B> {
    fn stop_if_failed(&mut self, done: Result<(), String>) {
        if let Err(message) = done {
            self.playing = false;
            say(&Event::Failed { message }, &[]);
            self.rest();
        }
    }

    async fn run(&mut self, request: Request, bytes: Vec<u8>) -> Result<(), String> {
        match request {
            Request::Begin { generation, runs, own } => self.begin(generation, runs, own, &bytes).await,
            Request::Play => {
                self.playing = self.runs.iter().any(|timed| !timed.live.run().is_finished());
                if !self.playing {
                    self.rest();
                }
                Ok(())
            }
            Request::Pause => {
                self.playing = false;
                self.rest();
                Ok(())
            }
            Request::Step => {
                self.playing = false;
                let done = self.turn().await;
                self.rest();
                done
            }
            Request::Rate { run, lr } => match self.runs.get_mut(run) {
                Some(timed) => timed.live.set_rate(lr).map_err(sentence),
                None => Ok(()),
            },
            Request::Save { run, id, title, used } => self.save(run, id, title, used).await,
            Request::Open => self.open(&bytes),
        }
    }

    async fn begin(
        &mut self,
        generation: u32,
        begins: Vec<Begin>,
        own: Option<Own>,
        bytes: &[u8],
    ) -> Result<(), String> {
        self.playing = false;
        self.runs.clear();
        let (mut rest, own) = match own {
            None => (bytes, None),
            Some(own) => split_off(bytes, own).map(|(rest, own)| (rest, Some(own))).ok_or("the images are cut")?,
        };
        for begin in begins.into_iter().take(MAX_RUNS) {
            let (seconds, size) = (begin.seconds, begin.snapshot);
            let (snapshot, others) = rest.split_at_checked(size).ok_or("the snapshots are cut")?;
            rest = others;
            let live = LiveRun::begin(begin, snapshot, own, self.device.clone()).map_err(sentence)?;
            self.runs.push(Timed { live, seconds });
            // Drawing the images takes a moment.
            next_turn().await;
        }
        let runs = self.runs.iter().map(|timed| timed.live.prepared()).collect();
        say(&Event::Prepared { generation, runs }, &[]);
        for index in 0..self.runs.len() {
            self.measure(index).await?;
        }
        self.rest();
        Ok(())
    }

    /// One step of each run, so that they are always equally far, and what is to be measured after it.
    async fn turn(&mut self) -> Result<(), String> {
        for index in 0..self.runs.len() {
            self.advance(index).await?;
            self.measure(index).await?;
            next_turn().await;
        }
        if self.playing && self.runs.iter().all(|timed| timed.live.run().is_finished()) {
            self.playing = false;
            self.rest();
        }
        Ok(())
    }

    /// Measures a run where it has just done an epoch.
    async fn measure(&mut self, index: usize) -> Result<(), String> {
        if self.runs[index].live.run().wants_measure() { self.advance(index).await } else { Ok(()) }
    }

    async fn advance(&mut self, index: usize) -> Result<(), String> {
        let Timed { live, seconds } = &mut self.runs[index];
        let started = now();
        let done = live.advance(async |_| next_turn().await).await;
        let millis = now() - started;
        *seconds += millis / 1e3;
        match done {
            Ok(None) => {}
            Ok(Some(Done::Stepped { epoch, step, loss })) => {
                say(&Event::Stepped { run: index, epoch, step, loss, millis, views: live.views() }, &[]);
            }
            Ok(Some(Done::Measured { entry, frame })) => {
                let event = Event::Measured { run: index, entry, frame, seconds: *seconds, memory: memory() };
                say(&event, &[live.checkpoint()]);
            }
            Err(error @ RunError::Diverged { .. }) => {
                live.rewind().map_err(sentence)?;
                return Err(sentence(error));
            }
            Err(error) => return Err(sentence(error)),
        }
        Ok(())
    }

    async fn save(&self, run: usize, id: String, title: String, used: bool) -> Result<(), String> {
        let Some(Timed { live, seconds }) = self.runs.get(run) else { return Ok(()) };
        let labels = Labels { id, title, device: format!("{}, in a browser", self.name), seconds: *seconds };
        let total = live.prepared().images + live.test().labels().len();
        let mut done = 0;
        let pause = async |n: usize| {
            done += n;
            say(&Event::Saving { done, total }, &[]);
            next_turn().await;
        };
        let zip = pack(live, labels, pause).await.map_err(|e| format!("The run could not be saved: {e}."))?;
        say(&Event::Saved { run, used }, &[&zip]);
        Ok(())
    }

    fn open(&self, bytes: &[u8]) -> Result<(), String> {
        let Unpacked { manifest, sizes, parts } =
            unpack::<Inner<B>>(bytes, self.device.clone()).map_err(|e| format!("The bundle is refused: {e}."))?;
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        say(&Event::Opened { manifest: Box::new(manifest), sizes }, &parts);
        Ok(())
    }

    fn rest(&self) {
        say(
            &Event::Rests { finished: !self.runs.is_empty() && self.runs.iter().all(|t| t.live.run().is_finished()) },
            &[],
        );
    }
}

/// A person's own images, normal and odd, stand behind what else is attached.
fn split_off(bytes: &[u8], Own { normal, odd }: Own) -> Option<(&[u8], Sides<&[u8]>)> {
    let [normal, odd] = [normal.checked_mul(IMAGE_BYTES)?, odd.checked_mul(IMAGE_BYTES)?];
    let (rest, pixels) = bytes.split_at_checked(bytes.len().checked_sub(normal.checked_add(odd)?)?)?;
    let (id, ood) = pixels.split_at(normal);
    Some((rest, Sides { id, ood }))
}

fn sentence(error: RunError) -> String {
    format!("Training stopped: {error}.")
}
