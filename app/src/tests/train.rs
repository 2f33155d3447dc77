//! The view that trains, in a real browser: mounted, clicked, moved. No trainer runs here; the tests say what it would
//! say.
use super::page::{Page, settled, wait};
use crate::backend::Backend;
use crate::state::{State, View};
use crate::story::Scene;
use crate::train::recipe::Recipe;
use crate::train::{Status, autosave};
use crate::url;
use leptos::prelude::*;
use nsa_core::measure::{Compactness, HistoryEntry};
use nsa_core::score::Scorer;
use nsa_engine::train::protocol::{Event, Frame, Prepared};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Element, HtmlElement, HtmlInputElement, HtmlSelectElement};

impl Page {
    /// The view as it is once the trainer has prepared the runs of the default recipe.
    async fn in_training() -> Self {
        let state = State { view: View::Train, ..State::default() };
        let page = Self::mount(state.clone());
        // As if the trainer had been started by the view: before its effects run, which would start one.
        let training = page.lab.training;
        training.recipe.set(Some(state.train.clone()));
        training.status.set(Status::Preparing);
        for (run, config) in training.runs.iter().zip(state.train.configs()) {
            run.config.set(Some(config));
        }
        let prepared = || Prepared {
            images: 256,
            outliers: 0,
            steps: 16,
            views: 32,
            measured: 10,
            epochs_done: 0,
            id: 2,
            labels: vec![1, 1, 5, 7],
            index: vec![1, 11, 5, 7],
        };
        training.hear(Event::Prepared { generation: 0, runs: vec![prepared(), prepared()] }, vec![]);
        page.measure(0, 0, 1000.0, 0.5);
        page.measure(1, 0, 1000.0, 0.5);
        training.hear(Event::Rests { finished: false }, vec![]);
        settled().await;
        page
    }

    fn measure(&self, run: usize, epoch: usize, kappa: f64, rate: f64) {
        let compact = |kappa| Compactness { kappa, mmd2: 0.25, effective_rank: 9.0, ..Compactness::default() };
        let entry = HistoryEntry {
            epoch,
            id: compact(kappa),
            ood: compact(kappa / 2.0),
            auroc: vec![(Scorer::KCosMah, 0.6), (Scorer::CCos, rate)],
            ..HistoryEntry::default()
        };
        let frame = Frame {
            epoch: epoch as u32,
            angle: vec![0.1, 0.2, 0.4, 0.5],
            azimuth: vec![0.0, 1.0, 2.0, 3.0],
            score: vec![0.1, 0.2, 0.3, 0.4],
        };
        let event = Event::Measured { run, entry: Box::new(entry), frame, seconds: 2.0, memory: 50_000_000 };
        self.lab.training.hear(event, vec![1, 2, 3]);
    }

    fn first<T: JsCast>(&self, selector: &str) -> T {
        self.all(selector).first().unwrap_or_else(|| panic!("nothing for {selector}")).clone().dyn_into().ok().unwrap()
    }

    fn told(&self, selector: &str) -> String {
        self.first::<Element>(selector).text_content().unwrap()
    }

    fn attribute(&self, selector: &str, name: &str) -> Vec<String> {
        self.all(selector).iter().map(|e| e.get_attribute(name).unwrap_or_default()).collect()
    }
}

fn fire(element: &Element, name: &str) {
    let event = document().create_event("Event").unwrap();
    event.init_event_with_bubbles(name, true);
    element.dispatch_event(&event).unwrap();
}

#[wasm_bindgen_test]
async fn both_runs_show_what_was_measured_and_the_slider_goes_back() {
    let page = Page::in_training().await;
    page.measure(0, 1, 200.0, 0.55);
    page.measure(1, 1, 400.0, 0.8);
    settled().await;
    assert_eq!(page.attribute("[data-testid=train-panel]", "data-kappa"), ["200", "400"]);
    assert!(page.text("#train-run-1").contains("Run B: SimCLR(n)"));
    let spoken = page.attribute("[data-testid=train-auroc] svg", "aria-label");
    assert_eq!(spoken, ["AUROC now: 55.0 percent in run A, 80.0 percent in run B."]);
    let pictures = page.attribute("[data-testid=train-sphere] canvas", "aria-label");
    assert_eq!(pictures.len(), 2);
    assert!(pictures[1].contains("2 normal images: half of them within 5.7° of the ID mean"), "{}", pictures[1]);
    assert!(pictures[1].contains("2 anomalies: half of them within 22.9°"), "{}", pictures[1]);

    let slider: HtmlInputElement = page.one("[data-testid=train-epoch]");
    slider.set_value("0");
    fire(&slider, "input");
    settled().await;
    assert_eq!(page.attribute("[data-testid=train-panel]", "data-kappa"), ["1000", "1000"]);
    assert_eq!(page.all("[data-testid=train-kappa] line.threshold").len(), 2, "a marker in each curve");
    page.measure(0, 2, 100.0, 0.6);
    settled().await;
    assert_eq!(page.attribute("[data-testid=train-panel]", "data-kappa")[0], "1000", "who looks back is left there");
    page.one::<HtmlElement>(".scrub button").click();
    settled().await;
    assert_eq!(page.attribute("[data-testid=train-panel]", "data-kappa"), ["100", "400"]);
}

#[wasm_bindgen_test]
async fn buttons_follow_what_the_trainer_does() {
    let page = Page::in_training().await;
    assert_eq!(page.text("[data-testid=train-play]"), "Train");
    page.one::<HtmlElement>("[data-testid=train-play]").click();
    settled().await;
    assert_eq!(page.lab.training.status.get_untracked(), Status::Playing);
    assert_eq!(page.text("[data-testid=train-play]"), "Pause");
    let stepped = |step| Event::Stepped { run: 0, epoch: 0, step, loss: 3.0, millis: 100.0, views: 32 };
    page.lab.training.hear(stepped(0), vec![]);
    page.lab.training.hear(stepped(1), vec![]);
    settled().await;
    let status = page.text("[data-testid=train-status]");
    let epochs = Recipe::default().epochs;
    assert!(status.contains(&format!("Epoch 1 of {epochs}")) && status.contains("views a second"), "{status}");
    assert!(page.attribute("[data-testid=train-loss] svg", "aria-label")[0].contains("after 2 steps: 3.000"));

    page.one::<HtmlElement>("[data-testid=train-play]").click();
    page.lab.training.hear(Event::Rests { finished: false }, vec![]);
    settled().await;
    assert_eq!(page.text("[data-testid=train-play]"), "Go on");
    page.lab.training.hear(Event::Rests { finished: true }, vec![]);
    settled().await;
    assert!(page.one::<HtmlElement>("[data-testid=train-play]").has_attribute("disabled"));
    assert!(page.text("[data-testid=train-status]").contains("Done"));
}

#[wasm_bindgen_test]
async fn menus_are_the_address() {
    let page = Page::in_training().await;
    page.lab.training.hear(Event::Stepped { run: 0, epoch: 0, step: 0, loss: 3.0, millis: 1.0, views: 32 }, vec![]);
    let choose = |name: &str, value: &str| {
        let menu: HtmlSelectElement = page.first(&format!("select[name={name}]"));
        menu.set_value(value);
        fire(&menu, "change");
    };
    choose("train-norm-a", "both");
    choose("train-width", "2");
    settled().await;
    let mut wanted = Recipe { width: 2, ..Recipe::default() };
    wanted.a.norm = nsa_core::config::Norm::Both;
    let query = State { view: View::Train, train: wanted, ..State::default() }.to_query();
    assert!(query.contains("-w2-") && query.contains("&a=simclr,both,0,"), "{query}");
    assert_eq!(window().location().search().unwrap(), query);
    assert!(page.told(".train").contains("start over to train them"), "runs that have begun are not thrown away");
    let state = url::current();
    assert_eq!((state.train.width, state.train.a.name()), (2, "SimCLR, norm both".into()));
}

#[wasm_bindgen_test]
async fn a_rate_changes_while_runs_train() {
    let page = Page::in_training().await;
    page.lab.training.hear(Event::Stepped { run: 0, epoch: 0, step: 0, loss: 3.0, millis: 1.0, views: 32 }, vec![]);
    let menu: HtmlSelectElement = page.first("select[name=train-rate-b]");
    menu.set_value("0.01");
    fire(&menu, "change");
    settled().await;
    assert_eq!(page.lab.training.runs[1].config.get_untracked().unwrap().lr, 1e-2);
    assert_eq!(page.lab.training.runs[0].config.get_untracked().unwrap().lr, Recipe::default().a.rate);
    assert!(!page.told(".train .note").is_empty() && page.first::<HtmlElement>(".train > .note").hidden());
}

#[wasm_bindgen_test]
async fn what_fails_is_said_and_what_was_reached_stays() {
    let page = Page::in_training().await;
    page.measure(0, 1, 200.0, 0.55);
    page.measure(1, 1, 400.0, 0.8);
    page.lab
        .training
        .hear(Event::Failed { message: "Training stopped: the loss became NaN in epoch 2.".into() }, vec![]);
    settled().await;
    let alert: Element = page.first("[data-testid=train-error][role=alert]");
    assert!(alert.text_content().unwrap().contains("NaN"));

    page.lab.training.hear(Event::Crashed { message: "The trainer stopped: its device was lost.".into() }, vec![]);
    settled().await;
    let message = page.text("[data-testid=train-error]");
    assert!(message.contains("its device was lost. Everything up to epoch 1 is kept"), "{message}");
    assert_eq!(page.attribute("[data-testid=train-panel]", "data-epoch"), ["1", "1"]);
    assert_eq!(page.text("[data-testid=train-play]"), "Train");
}

#[wasm_bindgen_test]
async fn where_webgpu_is_lost_in_a_run_the_cpu_goes_on_from_what_is_kept() {
    let page = Page::in_training().await;
    page.measure(0, 1, 200.0, 0.55);
    page.measure(1, 1, 400.0, 0.8);
    page.lab.training.play();
    page.lab.training.backend.set(Some(Backend::Webgpu));
    page.lab.training.hear(Event::Crashed { message: "The trainer stopped: its device was lost.".into() }, vec![]);
    settled().await;
    assert_eq!(page.lab.training.backend.get_untracked(), Some(Backend::Cpu));
    assert!(matches!(page.lab.training.status.get_untracked(), Status::Downloading { .. }), "another trainer starts");
    assert!(page.text("[data-testid=train-note]").contains("the CPU goes on from epoch 1"));
    assert_eq!(page.lab.training.problem.get_untracked(), None);
    assert_eq!(page.attribute("[data-testid=train-panel]", "data-epoch"), ["1", "1"]);
}

#[wasm_bindgen_test]
async fn what_is_said_about_runs_of_before_is_not_taken_for_these() {
    let page = Page::in_training().await;
    page.lab.training.hear(Event::Prepared { generation: 7, runs: vec![] }, vec![]);
    settled().await;
    assert_eq!(page.attribute("[data-testid=train-panel]", "data-epoch"), ["0", "0"]);
}

#[wasm_bindgen_test]
async fn the_browser_keeps_runs_until_they_are_forgotten() {
    let page = Page::in_training().await;
    page.measure(0, 1, 200.0, 0.55);
    page.measure(1, 1, 400.0, 0.8);
    page.lab.training.hear(Event::Stepped { run: 0, epoch: 1, step: 0, loss: 3.0, millis: 1.0, views: 32 }, vec![]);
    page.lab.training.hear(Event::Rests { finished: false }, vec![]);
    // First as the epoch was measured, then, with the step after it, as the runs came to rest.
    let mut kept = None;
    for _ in 0..50 {
        wait(100).await;
        kept = autosave::read().await.unwrap().filter(|kept| !kept.runs[0].losses.is_empty());
        if kept.is_some() {
            break;
        }
    }
    let kept = kept.expect("the browser keeps nothing");
    assert_eq!((kept.epoch(), kept.recipe, kept.runs.len()), (1, Recipe::default(), 2));
    assert_eq!(kept.runs[1].snapshot, [1, 2, 3]);
    assert_eq!(kept.runs[1].history[1].id.kappa, 400.0);
    assert_eq!(kept.runs[0].frames[1].angle, [0.1, 0.2, 0.4, 0.5]);
    assert_eq!(kept.runs[0].losses, [3.0]);
    autosave::forget().await.unwrap();
    assert_eq!(autosave::read().await, Ok(None));
}

#[wasm_bindgen_test]
async fn the_story_trains_with_the_buttons_of_the_view() {
    let page = Page::in_training().await;
    page.lab.choose(|state| (state.view, state.scene) = (View::Story, Scene::Live.number()));
    settled().await;
    assert_eq!(page.text("[data-testid=scene-title]"), "Watch it form");
    assert_eq!(page.attribute(".train-stage [data-testid=train-panel]", "data-kappa"), ["1000", "1000"]);
    page.first::<HtmlElement>(".train-stage [data-testid=train-play]").click();
    settled().await;
    assert_eq!(page.lab.training.status.get_untracked(), Status::Playing);
    let open = page.attribute("[data-testid=scene-open]", "href").remove(0);
    assert!(open.contains("view=train"), "{open}");
}
