//! Layers by scorers in a small table: one cell a score, to flip through them with the arrow keys.

use super::{Prose, lab};
use crate::lab::Lab;
use crate::state::scorer_word;
use crate::stats::percent;
use crate::text;
use leptos::prelude::*;
use nsa_core::bundle::Manifest;
use nsa_core::eval;
use nsa_core::model::Layer;
use nsa_core::score::Scorer;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

/// What a cell says of its score.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    /// The large number.
    pub value: String,
    /// The small one below it.
    pub note: String,
    /// How strongly the cell is tinted, 0..1.
    pub tint: f64,
}

/// The AUROC of every score: of the images shown, and of the whole test set.
#[component]
pub fn Scorers() -> impl IntoView {
    let lab = lab();
    let live = Memo::new(move |_| {
        let n = lab.model.bundle.with(|b| b.as_ref().map_or(0, |b| b.scores()));
        (0..n).map(|score| lab.scores.sides_of(score)).map(|s| eval::auroc(&s.id, &s.ood).ok()).collect::<Vec<_>>()
    });
    let cell = move |score: usize| {
        let here = live.with(|live| live.get(score).copied().flatten());
        let measured = lab.model.bundle.with(|b| b.as_ref()?.manifest.scores.get(score)?.auroc_exported);
        let number = |share: Option<f64>| share.map_or("–".into(), percent);
        // Chance is white, a perfect order is full.
        let tint = here.map_or(0.0, |auroc| ((auroc - 0.5) * 2.0).clamp(0.0, 1.0));
        Cell { value: number(here), note: number(measured), tint }
    };
    view! {
        <details class="card scorers" data-part="toolbar" data-testid="scorers">
            <summary><h2>{text::score::MATRIX_TITLE}</h2></summary>
            <Matrix name="matrix" cell/>
            <p class="small"><Prose text=text::score::MATRIX_NOTE/></p>
        </details>
    }
}

/// The table. It is built once a model, so that the focus stays where it is while numbers change.
#[component]
pub fn Matrix<F>(
    /// Name of the radio group.
    name: &'static str,
    /// What stands in the cell of a score.
    cell: F,
) -> impl IntoView
where
    F: Fn(usize) -> Cell + Copy + Send + Sync + 'static,
{
    let lab = lab();
    let grid =
        Memo::new(move |_| lab.model.bundle.with(|b| b.as_ref().map(|b| (grid(&b.manifest), b.ensemble_column()))));
    let table = move || {
        grid.get().map(|((layers, scorers, cells), ensemble)| {
            let heads =
                scorers.iter().map(|s| view! { <th scope="col"><Prose text=scorer_name(*s)/></th> }).collect_view();
            let columns = scorers.len();
            let rows = layers.into_iter().zip(cells).enumerate().map(|(row, (layer, cells))| {
                let cells = cells.into_iter().enumerate().map(move |(column, score)| match score {
                    Some(score) => view! { <Choice lab name score cell row column span=1/> }.into_any(),
                    None => view! { <td></td> }.into_any(),
                });
                view! { <tr><th scope="row"><Prose text=text::layer(layer)/></th>{cells.collect_view()}</tr> }
            });
            let rows = rows.collect::<Vec<_>>();
            let last = rows.len();
            let sum = ensemble.map(|score| {
                view! {
                    <tr>
                        <th scope="row"><Prose text=text::score::ENSEMBLE/></th>
                        <Choice lab name score cell row=last column=0 span=columns/>
                    </tr>
                }
            });
            view! { <table class="matrix"><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}{sum}</tbody></table> }
        })
    };
    view! {
        <div class="matrix-frame" role="radiogroup" aria-label=text::SCORER on:keydown=flip data-testid=name>
            {table}
        </div>
    }
}

/// One cell: a radio button that looks like a number.
#[component]
fn Choice<F>(
    lab: Lab,
    name: &'static str,
    score: usize,
    cell: F,
    row: usize,
    column: usize,
    span: usize,
) -> impl IntoView
where
    F: Fn(usize) -> Cell + Copy + Send + Sync + 'static,
{
    let shown = Memo::new(move |_| cell(score));
    let choose = move |_| {
        let name = lab.model.bundle.with_untracked(|b| b.as_ref().and_then(|b| b.score_name(score)));
        lab.choose(|state| {
            state.scorer = name;
            // Another score lives on another scale.
            state.threshold = None;
        });
    };
    let label = move || {
        let of = lab.model.bundle.with(|b| b.as_ref().map_or(String::new(), |b| b.score_title(score)));
        shown.with(|cell| text::score::cell(&of, &cell.value, &cell.note))
    };
    view! {
        <td colspan=span.to_string() style=("--tint", move || shown.with(|cell| format!("{:.0}%", 42.0 * cell.tint)))>
            <label>
                <input
                    type="radio"
                    name=name
                    data-cell=format!("{row}.{column}")
                    data-score=score.to_string()
                    aria-label=label
                    prop:checked=move || lab.scores.shown.get() == score
                    on:change=choose
                />
                <span aria-hidden="true">
                    <b>{move || shown.with(|cell| cell.value.clone())}</b>
                    <small>{move || shown.with(|cell| cell.note.clone())}</small>
                </span>
            </label>
        </td>
    }
}

/// Layers, scorers, and for each pair the score's position.
type Grid = (Vec<Layer>, Vec<Scorer>, Vec<Vec<Option<usize>>>);

fn grid(manifest: &Manifest) -> Grid {
    let (mut layers, mut scorers): (Vec<Layer>, Vec<Scorer>) = (Vec::new(), Vec::new());
    for entry in &manifest.scores {
        if !layers.contains(&entry.layer) {
            layers.push(entry.layer);
        }
        if !scorers.contains(&entry.scorer) {
            scorers.push(entry.scorer);
        }
    }
    let at = |layer: &Layer, scorer: &Scorer| {
        manifest.scores.iter().position(|entry| entry.layer == *layer && entry.scorer == *scorer)
    };
    let cells = layers.iter().map(|layer| scorers.iter().map(|scorer| at(layer, scorer)).collect()).collect();
    (layers, scorers, cells)
}

fn scorer_name(scorer: Scorer) -> String {
    text::scorer(&scorer_word(scorer)).to_string()
}

/// Arrow keys move in the plane of the table; left to itself a radio group knows only next and last.
fn flip(event: KeyboardEvent) {
    let (down, right) = match event.key().as_str() {
        "ArrowUp" => (-1, 0),
        "ArrowDown" => (1, 0),
        "ArrowLeft" => (0, -1),
        "ArrowRight" => (0, 1),
        _ => return,
    };
    let Some(cell) = event.target().and_then(|t| t.dyn_into::<HtmlElement>().ok()) else { return };
    let Some((row, column)) = cell.dataset().get("cell").and_then(|at| place(&at)) else { return };
    event.prevent_default();
    event.stop_propagation();
    let Ok(Some(frame)) = cell.closest(".matrix-frame") else { return };
    // The ensemble's cell is one column wide for all of them.
    let find = |row: i32, column: i32| {
        frame.query_selector(&format!("[data-cell='{row}.{column}']")).ok().flatten()?.dyn_into::<HtmlElement>().ok()
    };
    let target = find(row + down, column + right).or_else(|| find(row + down, 0).filter(|_| down != 0));
    if let Some(target) = target {
        let _ = target.focus();
        target.click();
    }
}

fn place(at: &str) -> Option<(i32, i32)> {
    let (row, column) = at.split_once('.')?;
    Some((row.parse().ok()?, column.parse().ok()?))
}
