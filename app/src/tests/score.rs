//! The views Score and Separate in a real browser: scores flipped through by keys, details opened and closed,
//! drawings drawn, the threshold taken hold of. No engine runs here; the tests say what an engine would say.
use super::page::{Page, catalog, settled, wait};
use crate::gallery::{Image, Pick, Side};
use crate::lab::{Bundle, Detail, EngineState, OwnProgress};
use crate::state::{ImageName, State, View};
use crate::url;
use leptos::prelude::*;
use nsa_core::bundle::{Explanation, Manifest, Neighbour};
use nsa_core::data::{Split, synth_digits};
use nsa_core::measure::History;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Element, HtmlElement, HtmlInputElement};

impl Page {
    /// The page with a model of two layers and eight scored images.
    async fn scored(state: State) -> Self {
        let page = Self::mount(state);
        let lab = page.lab;
        lab.model.catalog.set(Some(catalog(&["one"])));
        lab.engine.state.set(EngineState::Ready { device: "test".into() });
        let bundle = bundle();
        lab.gallery.images.set((0..8).map(image).collect());
        lab.gallery.complete.set(true);
        lab.gallery.rows.set((0..8).map(|i| bundle.complete(row(i))).collect());
        lab.model.bundle.set(Some(Arc::new(bundle)));
        lab.model.settled.set(true);
        settled().await;
        page
    }

    fn query(&self) -> String {
        window().location().search().unwrap()
    }
}

/// Scores of image `i` by k-Cos and c-Cos on two layers. ID and OOD take turns.
fn row(i: usize) -> Vec<f32> {
    let base = [0.1, 0.9, 0.2, 0.25, 0.3, 1.1, 0.12, 1.2][i];
    vec![base, 1.0 - base / 2.0, base - 0.4, 2.0 * base]
}

fn image(i: usize) -> Arc<Image> {
    let (side, class) = if i.is_multiple_of(2) { (Side::Id, 3) } else { (Side::Ood, i) };
    Arc::new(Image { pick: Pick { side, class, index: i }, pixels: vec![(i * 30) as u8; 3072] })
}

fn bundle() -> Bundle {
    // The first one is the best on validation images.
    let score = |layer: &str, scorer: &str, range: [f32; 2]| {
        let validation = if (layer, scorer) == ("conv3-1x1", "k-cos") { 0.95 } else { 0.9 };
        serde_json::json!({
            "layer": layer, "scorer": scorer, "auroc-validation": validation, "auroc-full": 0.9,
            "auroc-exported": 0.875, "training-range": range,
        })
    };
    let manifest: Manifest = serde_json::from_value(serde_json::json!({
        "format": 3, "id": "one", "title": "Model one", "config": { "id-class": 3, "epochs": 10, "validation": 0 },
        "classes": ["zero", "one", "two", "three", "four", "five", "six", "seven"],
        "provenance": {
            "commit": "abc", "device": "CPU", "wall-seconds": 60.0, "data-source": "drawn", "train-images": 1000,
            "outliers": 0, "test-id": 200, "test-ood": 1800, "command": "nsa train",
        },
        "pixel-mean": [0.5, 0.5, 0.5], "pixel-std": [0.25, 0.25, 0.25], "layers": [],
        "scores": [
            score("conv3-1x1", "k-cos", [0.0, 0.5]), score("conv3-1x1", "c-cos", [0.0, 1.0]),
            score("conv4-1x1", "k-cos", [0.0, 1.0]), score("conv4-1x1", "c-cos", [0.0, 1.0]),
        ],
        "files": [],
    }))
    .unwrap();
    Bundle { manifest, history: History::default() }
}

fn key(target: &Element, key: &str, shift: bool) {
    let script =
        "t.dispatchEvent(new KeyboardEvent('keydown', { key: k, shiftKey: s, bubbles: true, cancelable: true }))";
    let dispatch = js_sys::Function::new_with_args("t, k, s", script);
    dispatch.call3(&JsValue::NULL, target, &key.into(), &shift.into()).unwrap();
}

/// A pointer event at a place given in shares of the element's size.
fn point(target: &Element, kind: &str, x: f64, y: f64) {
    let script = "const b = t.getBoundingClientRect();
        t.dispatchEvent(new PointerEvent(k, { clientX: b.left + p[0] * b.width, clientY: b.top + p[1] * b.height,
            pointerId: 1, isPrimary: true, button: 0, buttons: 1, bubbles: true, cancelable: true }))";
    let dispatch = js_sys::Function::new_with_args("t, k, p", script);
    let place = js_sys::Array::of2(&x.into(), &y.into());
    dispatch.call3(&JsValue::NULL, target, &kind.into(), &place).unwrap();
}

#[wasm_bindgen_test]
async fn arrow_keys_walk_through_layers_and_scorers() {
    let page = Page::scored(State::default()).await;
    let cell = |at: &str| page.one::<HtmlInputElement>(&format!("[data-testid=matrix] [data-cell='{at}']"));
    assert_eq!(page.all("[data-testid=matrix] input").len(), 5, "four scores and the ensemble");
    let fold: Element = page.one("[data-testid=scorers]");
    assert!(!fold.has_attribute("open"), "images come first");
    fold.set_attribute("open", "").unwrap();
    cell("0.0").click();
    settled().await;
    key(&cell("0.0"), "ArrowDown", false);
    settled().await;
    assert_eq!(page.query(), "?scorer=conv4-1x1:k-cos");
    assert!(cell("1.0").checked() && document().active_element().unwrap().is_same_node(Some(&cell("1.0"))));
    key(&cell("1.0"), "ArrowRight", false);
    settled().await;
    assert_eq!(page.query(), "?scorer=conv4-1x1:c-cos");
    // Below the last layer lies the ensemble, one cell wide.
    key(&cell("1.1"), "ArrowDown", false);
    settled().await;
    assert_eq!(page.query(), "?scorer=ensemble");
    key(&cell("2.0"), "ArrowDown", false);
    settled().await;
    assert!(cell("2.0").checked(), "there is nothing further down");
    // The sum of k-Cos 0.1 of 0..0.5 and -0.3 of 0..1: its tile comes first.
    let tile: Element = page.all("[data-testid=tile]")[0].clone();
    let found: f32 = tile.get_attribute("data-score").unwrap().parse().unwrap();
    assert!((found - (0.2 - 0.3)).abs() < 1e-6, "{found}");
    // Its unit is hidden.
    assert!(page.text("[data-testid=auroc-test]").starts_with('–'), "nobody measured the ensemble in training");
}

#[wasm_bindgen_test]
async fn every_cell_says_both_rates() {
    let page = Page::scored(State::default()).await;
    let label = page.one::<Element>("[data-testid=matrix] [data-cell='0.0']").get_attribute("aria-label").unwrap();
    assert_eq!(label, "k-Cos on block 3, pooled: 93.8, 87.5");
    // c-Cos on block 3 falls as the others rise.
    let label = page.one::<Element>("[data-testid=matrix] [data-cell='0.1']").get_attribute("aria-label").unwrap();
    assert!(label.contains(": 6.2,") || label.contains(": 6.3,"), "{label}");
}

#[wasm_bindgen_test]
async fn a_tile_opens_its_details_and_the_focus_comes_back() {
    let page = Page::scored(State::default()).await;
    let buttons = page.all(".tile-button");
    let stops = buttons.iter().filter(|b| b.get_attribute("tabindex").unwrap() == "0").count();
    assert_eq!(stops, 1, "the gallery is one stop of the tab key");
    let first: HtmlElement = buttons[0].clone().dyn_into().unwrap();
    first.focus().unwrap();
    key(&first, "ArrowRight", false);
    settled().await;
    let second = document().active_element().unwrap();
    assert!(second.is_same_node(Some(&buttons[1])));

    second.dyn_ref::<HtmlElement>().unwrap().click();
    settled().await;
    let dialog: web_sys::HtmlDialogElement = page.one("[data-testid=detail]");
    assert!(dialog.open());
    assert_eq!(page.query(), "?select=3.6&image=3.6");
    assert_eq!(page.text("#detail-title"), "Normal: test image 6 of class three");
    assert!(
        page.text("[data-testid=detail-place]").contains("25.0 % of the 4 normal images and of 0.0 % of the 4 anom")
    );

    // The next one in the gallery's order, without leaving.
    key(&dialog, "ArrowRight", false);
    wait(300).await;
    assert!(page.query().ends_with("image=3.2"), "{}", page.query());
    page.one::<HtmlElement>("[data-testid=detail-close]").click();
    wait(50).await;
    assert!(!dialog.open());
    assert_eq!(page.query(), "?select=3.2", "what was opened still stands out");
    assert!(document().active_element().unwrap().class_name().contains("tile-button"));

    window().history().unwrap().back().unwrap();
    wait(100).await;
    assert!(dialog.open(), "back brings the details back");
    dialog.close();
    wait(50).await;
    assert_eq!(page.lab.state.get_untracked().image, None, "closing by Esc clears the address too");
}

#[wasm_bindgen_test]
async fn details_show_what_the_engine_told() {
    let image = Some(ImageName::Test { class: 5, index: 5 });
    let page = Page::scored(State { image, ..State::default() }).await;
    let scores = row(5);
    let near = |position: Option<u32>, angle: f32| vec![Neighbour { position, angle }];
    page.lab.detail.told.set(Detail {
        explanation: Some(Arc::new(Explanation {
            scores: scores.clone(),
            angle: std::f32::consts::FRAC_PI_3,
            ensemble: None,
            neighbours: vec![near(None, 0.1), near(None, 0.1), near(Some(17), 0.5), near(None, 0.1)],
        })),
        views: (0..8).map(|_| Arc::from([9; 3072])).collect(),
        seed: 0,
        failed: None,
    });
    settled().await;
    let value: Element = page.one("[data-testid=detail-value]");
    // The best on validation images is shown.
    assert_eq!(value.get_attribute("data-score").unwrap(), scores[0].to_string());
    assert!(page.text("[data-testid=detail-neighbours]").contains("a training image"));
    page.lab.choose(|state| state.scorer = State::from_query("scorer=conv4-1x1:k-cos").scorer);
    settled().await;
    assert!(page.text("[data-testid=detail-neighbours]").contains("No. 17 of class 328.6°"));
    let drawn: web_sys::HtmlCanvasElement = page.one("[data-testid=detail-neighbours] canvas");
    let context: web_sys::CanvasRenderingContext2d = drawn.get_context("2d").unwrap().unwrap().dyn_into().unwrap();
    let red = context.get_image_data(0.0, 0.0, 32.0, 32.0).unwrap().data()[4 * 40];
    assert_eq!(red, synth_digits::image(synth_digits::SEED, Split::Train, 3, 17)[40]);
    assert!(page.text("[data-testid=detail-angle]").contains("60.0°"));
    assert_eq!(page.all("[data-testid=detail-views] canvas").len(), 8);

    // k-Cos on both layers: 1.1 of 0..0.5 and 0.7 of 0..1.
    assert!(page.text("[data-testid=detail-ensemble-sum]").starts_with("2.90 in all, of 2 parts"));
    let parts: Vec<String> =
        page.all("[data-part-value]").iter().map(|p| p.get_attribute("data-part-value").unwrap()).collect();
    assert!(parts[0].starts_with("2.2") && parts[1].starts_with("0.7"), "{parts:?}");
    assert_eq!(page.all("[data-testid=detail] [style*=expression], [data-testid=detail] svg [style]").len(), 0);
}

#[wasm_bindgen_test]
async fn the_threshold_follows_pointer_and_keys() {
    let page = Page::scored(State { view: View::Separate, ..State::default() }).await;
    let chart: Element = page.one("[data-testid=chart-histogram] svg.plot");
    point(&chart, "pointerdown", 0.5, 0.5);
    settled().await;
    let first = page.lab.state.get_untracked().threshold.unwrap();
    point(&chart, "pointermove", 0.7, 0.5);
    point(&chart, "pointerup", 0.7, 0.5);
    point(&chart, "pointermove", 0.2, 0.5);
    settled().await;
    let second = page.lab.state.get_untracked().threshold.unwrap();
    assert!(second > first, "{first} and {second}");
    let slider: HtmlInputElement = page.one("[data-testid=threshold]");
    key(&slider, "ArrowLeft", false);
    settled().await;
    let third = page.lab.state.get_untracked().threshold.unwrap();
    assert!(third < second && second - third < 0.05, "one small step: {second} to {third}");
    wait(300).await;
    assert_eq!(url::current().threshold, Some(third));
}

#[wasm_bindgen_test]
async fn the_confusion_matrix_counts_every_image_once() {
    let state = State { view: View::Separate, threshold: Some(0.22), ..State::default() };
    let page = Page::scored(state).await;
    let cells: Vec<String> =
        page.all("[data-testid=confusion] td b").iter().map(|c| c.text_content().unwrap()).collect();
    // Normal: 0.1, 0.2, 0.12 pass and 0.3 is flagged; all four anomalies are above.
    assert_eq!(cells, ["3", "1", "0", "4"]);
    let rates = page.text("[data-testid=rates]");
    assert!(rates.contains("25.0 %"), "FPR95: {rates}");
    let error = page.text("[data-testid=auroc-live-error]");
    assert!(error.contains("with 95 % confidence, from 4 normal images and 4 anomalies"), "{error}");
    assert!(page.text("[data-testid=auroc-test-error]").contains("from 200 normal images and 1800"));
}

#[wasm_bindgen_test]
async fn the_pad_is_drawn_on_by_pointer_and_by_keys() {
    let page = Page::scored(State::default()).await;
    page.one::<Element>("[data-testid=pad]").set_attribute("open", "").unwrap();
    let canvas: Element = page.one("[data-testid=pad-canvas]");
    point(&canvas, "pointerdown", 0.25, 0.5);
    point(&canvas, "pointermove", 0.75, 0.5);
    assert!(page.lab.own.images.with_untracked(Vec::is_empty), "a stroke is scored when it ends");
    point(&canvas, "pointerup", 0.75, 0.5);
    settled().await;
    let blue = |at: usize| page.lab.own.images.with_untracked(|own| own[0].pixels.as_ref().unwrap()[at]);
    assert_eq!(page.lab.own.images.with_untracked(|own| (own.len(), own[0].name.clone())), (1, "Drawing".into()));
    let drawn = page.lab.own.images.with_untracked(|own| own[0].pixels.clone().unwrap());
    assert!(drawn[15 * 32 + 8..15 * 32 + 24].iter().all(|&red| red == 0x1d), "a line from side to side");
    assert_eq!(blue(0), 255, "the rest is paper");

    // Two dabs by keys: the same picture's place, with a new key for its new pixels.
    let before = page.lab.own.images.with_untracked(|own| own[0].key);
    for _ in 0..6 {
        key(&canvas, "ArrowUp", false);
    }
    key(&canvas, " ", false);
    key(&canvas, "ArrowUp", true);
    wait(500).await;
    assert_eq!(blue(10 * 32 + 16), 0x1d);
    assert_eq!(blue(9 * 32 + 16), 0x1d, "Shift draws on the way");
    let after = page.lab.own.images.with_untracked(|own| (own.len(), own[0].key, own[0].progress.clone()));
    assert!(after.0 == 1 && after.1 != before && after.2 == OwnProgress::Waiting, "{after:?}");
}

#[wasm_bindgen_test]
async fn a_camera_that_is_not_there_is_a_sentence() {
    let page = Page::scored(State::default()).await;
    page.one::<HtmlElement>("[data-testid=camera] > button").click();
    for _ in 0..30 {
        wait(100).await;
        if !page.text("[data-testid=camera-error]").is_empty() {
            break;
        }
    }
    let sentence = page.text("[data-testid=camera-error]");
    assert!(sentence.contains("camera") && sentence.contains("drop a picture"), "{sentence}");
}

#[wasm_bindgen_test]
async fn own_images_have_details_without_a_side() {
    let page = Page::scored(State::default()).await;
    let bundle = page.lab.model.bundle.get_untracked().unwrap();
    let key = page.lab.own.take_pixels("mine.png".into(), Arc::from([7; 3072]));
    page.lab.own.images.update(|own| own[0].progress = OwnProgress::Scored(bundle.complete(row(7)).unwrap()));
    settled().await;
    page.one::<HtmlElement>("[data-testid=own-details]").click();
    settled().await;
    assert!(page.query().contains(&format!("image=own.{key}")));
    assert_eq!(page.text("#detail-title"), "mine.png");
    assert_eq!(page.text("[data-testid=detail-verdict]"), "Called anomalous.");
}
