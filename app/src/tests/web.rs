//! The page's components in a real browser: mounted, clicked, typed into. No engine runs here; the tests say
//! what an engine would say.
use super::page::{Page, catalog, settled, wait};
use crate::gallery::{Image, Pick, Side};
use crate::lab::{Bundle, EngineState, Topic};
use crate::own_image;
use crate::state::{BackendChoice, Filter, State};
use crate::url;
use leptos::prelude::*;
use nsa_core::bundle::Manifest;
use nsa_core::measure::{Compactness, History, HistoryEntry};
use nsa_core::score::Scorer;
use nsa_engine::protocol::Event;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{CanvasRenderingContext2d, Element, File, HtmlCanvasElement, HtmlElement, HtmlInputElement, ImageData};

impl Page {
    /// What a page knows once engine, model and scores are there: four ID and four OOD images.
    async fn loaded() -> Self {
        let page = Self::mount(State::default());
        page.lab.model.catalog.set(Some(catalog(&["one", "two"])));
        page.lab.engine.state.set(EngineState::Ready { device: "test".into() });
        page.lab.model.bundle.set(Some(Arc::new(bundle())));
        page.lab.model.settled.set(true);
        page.lab.gallery.images.set((0..8).map(image).collect());
        page.lab.gallery.complete.set(true);
        page.lab.gallery.rows.set((0..8).map(|i| Some(vec![SCORES[i], 2.0 * SCORES[i]])).collect());
        settled().await;
        page
    }

    fn tiles(&self) -> Vec<(String, String)> {
        let read = |t: &Element| (t.get_attribute("data-split").unwrap(), t.get_attribute("data-score").unwrap());
        self.all("[data-testid=tile]").iter().map(read).collect()
    }
}

/// ID and OOD in turns; one OOD image looks normal.
const SCORES: [f32; 8] = [0.1, 0.9, 0.2, 0.25, 0.3, 1.1, 0.123_456_79, 1.2];

fn image(i: usize) -> Arc<Image> {
    let side = if i.is_multiple_of(2) { Side::Id } else { Side::Ood };
    let class = if i.is_multiple_of(2) { 3 } else { i };
    Arc::new(Image { pick: Pick { side, class, index: i }, pixels: vec![(i * 30) as u8; 3072] })
}

fn bundle() -> Bundle {
    let score = |scorer: &str, auroc: f64| {
        serde_json::json!({
            "layer": "conv4-1x1", "scorer": scorer, "auroc-validation": auroc, "auroc-full": auroc,
            "auroc-exported": auroc,
            "training-range": [0.0, 1.0],
        })
    };
    let manifest: Manifest = serde_json::from_value(serde_json::json!({
        "format": 3, "id": "one", "title": "Model one", "config": { "id-class": 3, "epochs": 10 },
        "classes": ["zero", "one", "two", "three", "four", "five", "six", "seven"],
        "provenance": {
            "commit": "abc", "device": "CPU", "wall-seconds": 60.0, "data-source": "drawn", "train-images": 1000,
            "outliers": 0, "test-id": 200, "test-ood": 1800, "command": "nsa train",
        },
        "pixel-mean": [0.5, 0.5, 0.5], "pixel-std": [0.25, 0.25, 0.25], "layers": [],
        "scores": [score("k-cos-mah", 0.912), score("c-cos", 0.8)], "files": [],
    }))
    .unwrap();
    let compact =
        |kappa| Compactness { kappa, mean_resultant_length: 0.5, mmd2: 0.1, effective_rank: 9.0, spread: None };
    let entry = |epoch, id, ood| HistoryEntry {
        epoch,
        loss: None,
        id: compact(id),
        ood: compact(ood),
        auroc: vec![(Scorer::KCosMah, 0.9)],
        ..HistoryEntry::default()
    };
    Bundle { manifest, history: History { epochs: vec![entry(0, 10.0, 10.0), entry(10, 90.0, 20.0)] } }
}

#[wasm_bindgen_test]
async fn tiles_are_empty_until_they_are_scored() {
    let page = Page::mount(State::default());
    page.lab.gallery.images.set((0..4).map(image).collect());
    page.lab.gallery.rows.set(vec![None; 4]);
    page.lab.gallery.complete.set(true);
    settled().await;
    assert!(page.tiles().iter().all(|(_, score)| score.is_empty()));
    assert_eq!(document().document_element().unwrap().get_attribute("data-state").unwrap(), "loading");

    page.lab.model.bundle.set(Some(Arc::new(bundle())));
    page.lab.model.settled.set(true);
    page.lab.engine.state.set(EngineState::Ready { device: String::new() });
    page.lab.gallery.rows.set((0..4).map(|i| Some(vec![SCORES[i], 0.0])).collect());
    settled().await;
    let split = |side: &str, score: &str| (side.to_string(), score.to_string());
    assert_eq!(page.tiles(), [split("id", "0.1"), split("id", "0.2"), split("ood", "0.25"), split("ood", "0.9")]);
    assert_eq!(document().document_element().unwrap().get_attribute("data-state").unwrap(), "ready");
}

#[wasm_bindgen_test]
async fn a_loaded_page_shows_numbers_and_charts() {
    let page = Page::loaded().await;
    assert!(page.tiles().contains(&("id".into(), "0.12345679".into())), "scores keep their digits: {:?}", page.tiles());
    assert_eq!(page.text("[data-testid=auroc-live]"), "93.8%");
    assert_eq!(page.text("[data-testid=auroc-test]"), "91.2%");
    assert_eq!(page.all("[data-testid=chart-histogram] .fill.id, [data-testid=chart-roc] .line.both").len(), 2);
    assert_eq!(page.all("[data-testid=chart-kappa] .line.id, [data-testid=chart-kappa] .line.ood").len(), 2);
    let chart: Element = page.one("[data-testid=chart-kappa] svg");
    assert!(chart.get_attribute("aria-label").unwrap().contains("from 10 to 90"));
    assert_eq!(page.all("svg [style]").len(), 0, "the content security policy would block them");
}

#[wasm_bindgen_test]
async fn filters_are_in_the_address_and_back_undoes_them() {
    let page = Page::loaded().await;
    page.one::<HtmlElement>("input[name=filter]:is(label:nth-child(3) input)").click();
    settled().await;
    assert_eq!(page.tiles().len(), 4);
    assert!(page.tiles().iter().all(|(split, _)| split == "ood"));
    assert_eq!(window().location().search().unwrap(), "?filter=ood");

    window().history().unwrap().back().unwrap();
    wait(100).await;
    settled().await;
    assert_eq!(page.lab.state.get_untracked().filter, Filter::All);
    assert_eq!(page.tiles().len(), 8);
    assert!(page.one::<HtmlInputElement>("input[name=filter]:is(label:first-child input)").checked());
}

#[wasm_bindgen_test]
async fn the_threshold_moves_its_readout_and_rests_in_the_address() {
    let page = Page::loaded().await;
    let slider: HtmlInputElement = page.one("[data-testid=threshold]");
    slider.set_value("0.22");
    slider.dispatch_event(&input_event()).unwrap();
    settled().await;
    let readout = page.text("[data-testid=readout]");
    assert!(readout.contains("100.0 %4 of 4") && readout.contains("25.0 %1 of 4"), "{readout}");
    assert_eq!(page.all(".tile.mistake").len(), 1);
    wait(300).await;
    assert_eq!(url::current().threshold, Some(0.22));
}

fn input_event() -> web_sys::Event {
    let event = document().create_event("Event").unwrap();
    event.init_event_with_bubbles("input", true);
    event
}

#[wasm_bindgen_test]
async fn another_score_brings_its_own_numbers() {
    let page = Page::loaded().await;
    let menu: web_sys::HtmlSelectElement = page.one("select[name=scorer]");
    menu.set_value("conv4-1x1:c-cos");
    let event = document().create_event("Event").unwrap();
    event.init_event_with_bubbles("change", true);
    menu.dispatch_event(&event).unwrap();
    settled().await;
    assert_eq!(page.text("[data-testid=auroc-test]"), "80.0%");
    assert_eq!(page.tiles()[0], ("id".into(), "0.2".into()));
    assert_eq!(url::current().to_query(), "?scorer=conv4-1x1:c-cos");
}

#[wasm_bindgen_test]
async fn problems_are_alerts_and_go_away() {
    let page = Page::loaded().await;
    page.lab.notices.report(Topic::Model, "The model is damaged: choose another one.");
    settled().await;
    let alert: Element = page.one("[data-testid=error][role=alert]");
    assert!(alert.text_content().unwrap().contains("damaged"));
    assert_eq!(document().document_element().unwrap().get_attribute("data-state").unwrap(), "error");
    assert_eq!(page.tiles().len(), 8, "the rest of the page goes on");
    page.lab.notices.settle(Topic::Model);
    settled().await;
    assert!(page.all("[data-testid=error]").is_empty());
}

#[wasm_bindgen_test]
async fn the_engine_says_how_far_it_is() {
    let page = Page::mount(State::default());
    page.lab.engine.hear(Event::Download { loaded: 500_000, total: 2_000_000 }, vec![]);
    settled().await;
    assert!(page.text("[data-testid=status]").contains("0.5 MB of 2.0 MB (25 %)"));
    assert_eq!(page.all("progress").len(), 1);
    page.lab.engine.hear(Event::Ready { backend: "cpu".into(), device: "flex".into() }, vec![]);
    settled().await;
    assert!(page.text("[data-testid=status]").contains("flex"));
    assert_eq!(page.all("progress").len(), 0);
}

#[wasm_bindgen_test]
async fn an_engine_that_dies_again_asks_for_a_person() {
    let page = Page::loaded().await;
    // The engine of this test has no program behind it, so the restart fails as well.
    page.lab.engine.hear(Event::Crashed { message: "The engine stopped: out of memory.".into() }, vec![]);
    // How soon a browser says that there is no program depends on what else the machine does.
    for _ in 0..30 {
        wait(100).await;
        if !page.all("[data-testid=error]").is_empty() {
            break;
        }
    }
    let alert: Element = page.one("[data-testid=error]");
    assert!(alert.query_selector("button").unwrap().is_some(), "{}", alert.text_content().unwrap());
    assert_eq!(page.tiles().len(), 8);
}

#[wasm_bindgen_test]
fn an_address_brings_back_its_state() {
    let state = State { n: 8, backend: BackendChoice::Cpu, model: Some("two".into()), ..State::default() };
    url::replace(&state);
    assert_eq!(url::current(), state);
    url::replace(&State::default());
    assert_eq!(window().location().search().unwrap(), "");
}

#[wasm_bindgen_test]
async fn own_images_keep_their_pixels_and_lie_on_white() {
    let opaque = png(|i| [(i % 251) as u8, (i / 7 % 256) as u8, 99, 255]).await;
    let opaque = own_image::read(&opaque).await.unwrap();
    assert_eq!((opaque[0], opaque[1], opaque[250]), (0, 1, 250));
    assert_eq!((opaque[1024 + 70], opaque[2048 + 5]), (10, 99));
    let clear = png(|_| [0, 0, 0, 0]).await;
    let clear = own_image::read(&clear).await.unwrap();
    assert!(clear.iter().all(|&v| v == 255));
    let parts = js_sys::Array::of1(&"no image".into());
    let nonsense = File::new_with_str_sequence(&parts, "x.png").unwrap();
    assert_eq!(own_image::read(&nonsense).await.unwrap_err(), own_image::ImageError::Format);
}

/// A PNG of 32 x 32, encoded by the browser.
async fn png(pixel: impl Fn(usize) -> [u8; 4]) -> File {
    let canvas: HtmlCanvasElement = document().create_element("canvas").unwrap().dyn_into().unwrap();
    canvas.set_width(32);
    canvas.set_height(32);
    let context: CanvasRenderingContext2d = canvas.get_context("2d").unwrap().unwrap().dyn_into().unwrap();
    let rgba: Vec<u8> = (0..1024).flat_map(pixel).collect();
    let data = ImageData::new_with_u8_clamped_array_and_sh(wasm_bindgen::Clamped(&rgba), 32, 32).unwrap();
    context.put_image_data(&data, 0.0, 0.0).unwrap();
    let promise = js_sys::Promise::new(&mut |resolve, _| canvas.to_blob(&resolve).unwrap());
    let blob = JsFuture::from(promise).await.unwrap();
    File::new_with_blob_sequence(&js_sys::Array::of1(&blob), "drawn.png").unwrap()
}

#[wasm_bindgen_test]
fn a_picture_shows_every_pixel() {
    let canvas: HtmlCanvasElement = document().create_element("canvas").unwrap().dyn_into().unwrap();
    canvas.set_width(32);
    canvas.set_height(32);
    let planes: Vec<u8> = (0..3 * 1024).map(|i| (i % 251) as u8).collect();
    crate::components::paint(&canvas, &planes).unwrap();
    let context: CanvasRenderingContext2d = canvas.get_context("2d").unwrap().unwrap().dyn_into().unwrap();
    let shown = context.get_image_data(0.0, 0.0, 32.0, 32.0).unwrap().data();
    for (i, pixel) in shown.chunks(4).enumerate() {
        assert_eq!(pixel, [planes[i], planes[1024 + i], planes[2048 + i], 255], "pixel {i}");
    }
}

#[wasm_bindgen_test]
async fn own_images_show_score_and_place() {
    let page = Page::loaded().await;
    use crate::lab::{OwnImage, OwnProgress};
    let own = |key, progress| OwnImage {
        key,
        name: format!("{key}.png"),
        pixels: Some(Arc::from([7; 3072])),
        progress,
        angle: None,
    };
    page.lab.own.images.set(vec![
        own(2, OwnProgress::Scored(vec![0.875, 0.0])),
        own(1, OwnProgress::Failed("It is no image.".into())),
    ]);
    settled().await;
    let value: Element = page.one("[data-testid=score-own] [data-testid=score-own-value]");
    assert_eq!(value.get_attribute("data-score").unwrap(), "0.875");
    assert!(page.text("[data-testid=score-own]").contains("Called anomalous: its score is above those of 100.0 %"));
    assert_eq!(page.text("[data-testid=score-own] [data-testid=error]"), "It is no image.");
    assert_eq!(page.all("[data-testid=chart-histogram] path.own").len(), 1, "a marker in the histogram");
}
