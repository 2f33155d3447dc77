//! The views of training, of the hypersphere and of the story in a real browser: mounted, dragged, typed at. No engine
//! runs here; the tests say what an engine and a server would say.
use super::page::{Page, settled, wait};
use crate::components::sphere::brush::{Brush, Painting};
use crate::replay::Replay;
use crate::sphere::{Dot, Kind, Origin, Viewpoint, on_ball, sample_dots};
use crate::state::{ImageName, Projection, State, View};
use crate::url;
use leptos::prelude::*;
use nsa_core::bundle::{Catalog, CatalogEntry, Manifest};
use nsa_core::measure::{Compactness, Frames, History, HistoryEntry};
use nsa_core::score::Scorer;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Element, HtmlCanvasElement, HtmlElement, HtmlInputElement};

impl Page {
    /// The page with two models, SimCLR without and with the norm, and what was measured of them.
    async fn with_two_models(state: State) -> Self {
        let page = Self::mount(state);
        let bundles = vec![entry("plain", "none"), entry("normed", "f")];
        page.lab.model.catalog.set(Some(Catalog { format: 3, default: "plain".into(), bundles }));
        page.measured();
        settled().await;
        page
    }

    /// What the page would fetch for the models that it shows.
    fn measured(&self) {
        let replay = |entry: Memo<Option<CatalogEntry>>, factor: f64| {
            entry.get_untracked().map(|entry| Arc::new(replay(&entry, factor)))
        };
        self.lab.model.replay.set(replay(self.lab.model.entry, 1.0));
        self.lab.model.compared.set(replay(self.lab.model.compared_entry, 40.0));
    }

    async fn press(&self, selector: &str, key: &str) {
        let event = event("KeyboardEvent", "keydown", &[("key", key.into())]);
        self.one::<Element>(selector).dispatch_event(&event).unwrap();
        settled().await;
    }

    async fn point(&self, selector: &str, kind: &str, (x, y): (i32, i32)) {
        let target: Element = self.one(selector);
        let rect = target.get_bounding_client_rect();
        let at = |offset: i32, start: f64| JsValue::from(start + f64::from(offset));
        let place = [("clientX", at(x, rect.left())), ("clientY", at(y, rect.top())), ("pointerId", 1.into())];
        target.dispatch_event(&event("PointerEvent", kind, &place)).unwrap();
        settled().await;
    }
}

/// An event of a class that web-sys would need another feature for.
fn event(class: &str, kind: &str, values: &[(&str, JsValue)]) -> web_sys::Event {
    let init = js_sys::Object::new();
    for (name, value) in values.iter().chain(&[("bubbles", true.into()), ("cancelable", true.into())]) {
        js_sys::Reflect::set(&init, &(*name).into(), value).unwrap();
    }
    let constructor: js_sys::Function = js_sys::Reflect::get(&window(), &class.into()).unwrap().unchecked_into();
    let arguments = js_sys::Array::of2(&kind.into(), &init);
    js_sys::Reflect::construct(&constructor, &arguments).unwrap().unchecked_into()
}

fn entry(id: &str, norm: &str) -> CatalogEntry {
    CatalogEntry {
        id: id.into(),
        title: format!("Model {id}"),
        dataset: "synth-digits".into(),
        id_class: 2,
        objective: "simclr".into(),
        norm: norm.into(),
        pollution: 0.0,
        width: 8,
        epochs: 20,
        bytes: 1000,
    }
}

/// Two ID samples and one OOD sample, at epochs 0, 5 and 20; κ is `factor` times what it is of the other model.
fn replay(entry: &CatalogEntry, factor: f64) -> Replay {
    let score = serde_json::json!({
        "layer": "conv4-1x1", "scorer": "c-cos", "auroc-validation": 0.9, "auroc-full": if factor > 1.0 { 0.9 } else { 0.7 },
        "auroc-exported": 0.9, "training-range": [0.0, 1.0],
    });
    let manifest: Manifest = serde_json::from_value(serde_json::json!({
        "format": 3, "id": entry.id, "title": entry.title,
        "config": {
            "id-class": 2, "epochs": 20, "width": 8, "dataset": "synth-digits", "objective": "simclr",
            "norm": entry.norm,
        },
        "classes": ["zero", "one", "two"],
        "provenance": {
            "commit": "abc", "device": "CPU", "wall-seconds": 60.0, "data-source": "drawn", "train-images": 1000,
            "outliers": 0, "test-id": 200, "test-ood": 1800, "command": "nsa train",
        },
        "pixel-mean": [0.5, 0.5, 0.5], "pixel-std": [0.25, 0.25, 0.25], "layers": [], "scores": [score], "files": [],
    }))
    .unwrap();
    let measured = |epoch, kappa, auroc| HistoryEntry {
        epoch,
        id: Compactness { kappa: kappa * factor, mmd2: 0.2, effective_rank: 9.0, ..Compactness::default() },
        ood: Compactness { kappa: 50.0, mmd2: 0.1, effective_rank: 12.0, ..Compactness::default() },
        auroc: vec![(Scorer::CCos, auroc)],
        ..HistoryEntry::default()
    };
    Replay {
        manifest,
        history: History { epochs: vec![measured(0, 900.0, 0.6), measured(5, 300.0, 0.9), measured(20, 100.0, 0.7)] },
        frames: Frames {
            epochs: vec![0, 5, 20],
            index: vec![172, 12, 41],
            labels: vec![2, 2, 1],
            angle: vec![1.0, 1.1, 1.2, 0.6, 0.7, 1.3, 0.2, 0.3, 1.4],
            azimuth: vec![0.0, 1.0, 2.0, 0.1, 1.1, 2.1, 0.2, 1.2, 2.2],
            score: vec![0.9, 1.0, 1.1, 0.6, 0.7, 1.2, 0.3, 0.4, 1.3],
            ..Frames::default()
        },
    }
}

fn at(view: View) -> State {
    State { view, ..State::default() }
}

#[wasm_bindgen_test]
async fn every_view_is_a_link_and_back_returns() {
    let page = Page::with_two_models(State::default()).await;
    let links = page.all(".tabs a");
    assert_eq!(links.len(), View::ALL.len());
    assert_eq!(page.text(".tabs a[aria-current=page]"), "Score");
    links[2].dyn_ref::<HtmlElement>().unwrap().click();
    settled().await;
    assert_eq!(url::current().view, View::Compact);
    assert_eq!(page.text(".tabs a[aria-current=page]"), "Compact");
    assert_eq!(page.all("[data-testid=chart-kappa]").len(), 1);
    window().history().unwrap().back().unwrap();
    wait(100).await;
    assert_eq!(page.lab.state.get_untracked().view, View::Score);
}

#[wasm_bindgen_test]
async fn the_slider_moves_every_mark_and_rests_in_the_address() {
    let page = Page::with_two_models(at(View::Compact)).await;
    assert_eq!(page.text("[data-testid=epoch-value]"), "epoch 20 of 20");
    let x = |page: &Page| page.one::<Element>("[data-testid=chart-kappa] line.mark").get_attribute("x1").unwrap();
    let before = x(&page);
    let slider: HtmlInputElement = page.one("[data-testid=epoch]");
    slider.set_value("1");
    let event = document().create_event("Event").unwrap();
    event.init_event_with_bubbles("input", true);
    slider.dispatch_event(&event).unwrap();
    settled().await;
    assert_eq!(page.text("[data-testid=epoch-value]"), "epoch 5 of 20");
    assert_ne!(x(&page), before);
    // The frame of epoch 5: scores 0.6 and 0.7 against 1.2.
    let histogram = page.one::<Element>("[data-testid=chart-replayed] svg").get_attribute("aria-label").unwrap();
    assert!(histogram.contains("2 ID images with a median score of 0.700"), "{histogram}");
    wait(300).await;
    assert_eq!(url::current().epoch, Some(5));
}

#[wasm_bindgen_test]
async fn the_checkpoints_play_to_the_end() {
    let page = Page::with_two_models(State { epoch: Some(5), ..at(View::Compact) }).await;
    page.one::<HtmlElement>("[data-testid=play]").click();
    settled().await;
    assert_eq!(page.one::<Element>("[data-testid=play]").get_attribute("aria-pressed").unwrap(), "true");
    wait(2200).await;
    assert_eq!(page.text("[data-testid=epoch-value]"), "epoch 20 of 20");
    assert_eq!(page.one::<Element>("[data-testid=play]").get_attribute("aria-pressed").unwrap(), "false");
}

#[wasm_bindgen_test]
async fn two_models_stand_side_by_side_on_the_same_axes() {
    let page = Page::with_two_models(at(View::Compact)).await;
    let menu: web_sys::HtmlSelectElement = page.one("select[name=compare]");
    menu.set_value("normed");
    let event = document().create_event("Event").unwrap();
    event.init_event_with_bubbles("change", true);
    menu.dispatch_event(&event).unwrap();
    settled().await;
    page.measured();
    settled().await;
    assert_eq!(url::current().compare.as_deref(), Some("normed"));
    let axis = |id: &str| {
        let labels = page.all(&format!("[data-testid={id}] svg text"));
        labels.iter().map(|t| t.text_content().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(axis("chart-kappa"), axis("chart-kappa-compared"));
    assert!(axis("chart-kappa").len() > 4);
    assert_eq!(page.all(".sphere, [data-testid=sphere], [data-testid=chart-replayed-compared]").len(), 3);
}

#[wasm_bindgen_test]
async fn the_sphere_is_walked_by_keys_and_a_selection_is_in_the_address() {
    let page = Page::with_two_models(at(View::Sphere)).await;
    wait(50).await;
    let canvas = "[data-testid=sphere] canvas";
    assert!(page.one::<Element>(canvas).get_attribute("aria-label").unwrap().contains("2 normal images"));
    page.press(canvas, ".").await;
    assert!(page.text("[data-testid=picked]").contains("Normal, class \u{201c}two\u{201d}"));
    assert!(page.text("[data-testid=picked]").contains("11.5°"));
    assert_eq!(page.all("[data-testid=picked] canvas").len(), 1, "synth-digits can be drawn");
    page.press(canvas, ".").await;
    page.press(canvas, ".").await;
    assert!(page.text("[data-testid=picked]").contains("Anomaly, class \u{201c}one\u{201d}"));
    page.press(canvas, "Enter").await;
    assert_eq!(url::current().select, Some(ImageName::Test { class: 1, index: 4 }));
    page.press(canvas, "Escape").await;
    assert_eq!(url::current().select, None);
}

#[wasm_bindgen_test]
async fn the_pointer_finds_points_and_drags_do_not_select() {
    let page = Page::with_two_models(at(View::Sphere)).await;
    wait(80).await;
    let canvas: HtmlCanvasElement = page.one("[data-testid=sphere] canvas");
    let (width, height) = (f64::from(canvas.client_width()), f64::from(canvas.client_height()));
    let lens = Viewpoint::default().lens(width, height);
    let dots = sample_dots(&page.lab.model.replay.get_untracked().unwrap(), 2);
    let target = dots.iter().map(|d| lens.see(d.at)).max_by(|a, b| a.depth.total_cmp(&b.depth)).unwrap();
    let place = (target.x.round() as i32, target.y.round() as i32);
    // Hold the ball still first: it turns by itself until it is touched.
    page.point("[data-testid=sphere] canvas", "pointerdown", (5, 5)).await;
    page.point("[data-testid=sphere] canvas", "pointerup", (5, 5)).await;
    let reset = page.all(".sphere-tools button");
    reset[3].dyn_ref::<HtmlElement>().unwrap().click();
    wait(80).await;
    page.point("[data-testid=sphere] canvas", "pointermove", place).await;
    assert!(page.text("[data-testid=picked]").contains("class"), "{}", page.text("[data-testid=picked]"));
    page.point("[data-testid=sphere] canvas", "pointerdown", place).await;
    page.point("[data-testid=sphere] canvas", "pointerup", place).await;
    assert!(url::current().select.is_some());
}

#[wasm_bindgen_test]
async fn principal_components_say_that_they_wait_for_the_engine() {
    let page = Page::with_two_models(State { map: Projection::Pca, ..at(View::Sphere) }).await;
    assert!(page.text(".sphere-side").contains("Principal components are computed here"));
    page.lab.sphere.projected.set(Some(Err("two images at least".into())));
    settled().await;
    assert!(page.text(".sphere-side").contains("two images at least"));
}

#[wasm_bindgen_test]
async fn the_story_is_read_by_keys_and_judges_by_the_runs_loaded() {
    let page = Page::with_two_models(at(View::Story)).await;
    assert_eq!(page.text("[data-testid=scene-number]"), "Scene 1 of 11");
    let body = document().body().unwrap();
    let press = async |key: &str| {
        let event = event("KeyboardEvent", "keydown", &[("key", key.into())]);
        body.dispatch_event(&event).unwrap();
        settled().await;
        page.measured();
        settled().await;
    };
    for _ in 0..3 {
        press("ArrowRight").await;
    }
    assert_eq!(page.text("[data-testid=scene-title]"), "One division by a length");
    let now = url::current();
    assert_eq!((now.scene, now.model.as_deref(), now.compare.as_deref()), (4, Some("plain"), Some("normed")));
    assert_eq!(page.all("[data-testid=facts], .story-stage svg.plot").len(), 0, "the scene asks before it tells");
    assert_eq!(page.all("[data-testid=scene-choice]").len(), 3);
    page.all("[data-testid=scene-choice]")[0].dyn_ref::<HtmlElement>().unwrap().click();
    settled().await;
    let outcome = page.text("[data-testid=scene-outcome]");
    assert_eq!(outcome, "Not this time. Our runs end with \u{3ba} 100 without the norm and 4000 with it.");
    let verdict: Element = page.one("[data-testid=verdict]");
    assert_eq!(verdict.get_attribute("data-verdict").unwrap(), "agrees", "70.0 without, 90.0 with the norm");
    assert!(
        page.text("[data-testid=facts]").contains("45.6\u{a0}→\u{a0}75.2 (CIFAR-10, Table 11)70.0\u{a0}→\u{a0}90.0")
    );
    assert_eq!(page.all(".formula math").len(), 1);
    press("ArrowRight").await;
    assert!(page.text("[data-testid=facts]").contains("not measured yet by us"), "there is no SimSiam here");
    assert!(!page.one::<Element>("[data-testid=scene-missing]").has_attribute("hidden"));
    press("PageUp").await;
    assert_eq!(url::current().scene, 4);
}

#[wasm_bindgen_test]
async fn a_link_hides_and_presents() {
    let page = Page::with_two_models(State::from_query("?view=story&present=1&hide=header,tabs")).await;
    let root = document().document_element().unwrap();
    let read = |name: &str| root.get_attribute(name).unwrap();
    assert_eq!(
        (read("data-present"), read("data-hide"), read("data-view")),
        ("1".into(), "header tabs".into(), "story".into())
    );
    page.press(".story", "Escape").await;
    assert_eq!(read("data-present"), "0");
    assert_eq!(window().location().search().unwrap(), "?view=story&hide=header,tabs");
    assert_eq!(page.all("[data-part]").iter().filter(|e| e.get_attribute("data-part").unwrap() == "tabs").count(), 1);
}

#[wasm_bindgen_test]
async fn the_list_of_keys_opens_and_closes() {
    let page = Page::with_two_models(State::default()).await;
    let dialog: web_sys::HtmlDialogElement = page.one("[data-testid=keys]");
    // By its button: the pages of the tests before listen to the window's keys, too. The key is tested end to end.
    page.one::<HtmlElement>(".quiet[aria-label='Keys']").click();
    settled().await;
    assert!(dialog.open());
    page.one::<HtmlElement>("[data-testid=keys] button").click();
    settled().await;
    assert!(!dialog.open());
}

/// Not a test but a measurement: `scripts/bench-page.sh` runs it and reports.
#[wasm_bindgen_test]
#[ignore = "a benchmark: scripts/bench-page.sh runs it"]
fn bench_two_thousand_points() {
    let canvas: HtmlCanvasElement = document().create_element("canvas").unwrap().dyn_into().unwrap();
    document().body().unwrap().append_child(&canvas).unwrap();
    let mut brush = Brush::new(canvas.clone()).unwrap();
    brush.resize((960.0, 640.0));
    let dot = |i: u32| {
        let (angle, azimuth) = (f64::from(i % 173) / 60.0, f64::from(i) * 2.4);
        let kind = [Kind::Id, Kind::Ood][i as usize % 2];
        let name = ImageName::Sample(i);
        let at = on_ball(angle, azimuth);
        Dot { at, kind, origin: Origin::Sample(i), name, class: None, angle: angle as f32, score: None }
    };
    let dots: Vec<Dot> = (0..2000).map(dot).collect();
    let points: Vec<_> = dots.iter().map(|d| d.at).collect();
    let mut viewpoint = Viewpoint::default();
    let now = || window().performance().unwrap().now();
    let mut times: Vec<f64> = (0..300)
        .map(|_| {
            let before = now();
            viewpoint.turn(0.02, 0.0);
            let scene = Painting {
                dots: &dots,
                points: &points,
                caps: &[0.4, 0.7],
                axes: None,
                caption: "bench",
                marked: &[3],
                ringed: &[5],
                contours: &[],
                lasso: &[],
            };
            brush.paint(&viewpoint, &scene).unwrap();
            now() - before
        })
        .collect();
    report("sphere, 2,000 points, 960 x 640", &mut times);

    let scores = |shift: f32| (0..1000).map(|i| shift + (i as f32 * 0.618).fract()).collect::<Vec<f32>>();
    let (id, ood) = (scores(0.0), scores(0.4));
    let mut times: Vec<f64> = (0..100)
        .map(|_| {
            let before = now();
            let histogram = crate::charts::histogram::plot((700.0, 340.0), &id, &ood, 0.0..1.5, Some(0.9));
            let roc = crate::charts::roc::plot((700.0, 340.0), &id, &ood);
            assert!(histogram.svg.len() + roc.svg.len() > 1000);
            now() - before
        })
        .collect();
    report("histogram and ROC curve, 2,000 scores", &mut times);
    canvas.remove();
}

fn report(what: &str, times: &mut [f64]) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    web_sys::console::log_1(&format!("{what}: median {:.2} ms, 95 % {:.2} ms", at(0.5), at(0.95)).into());
}
