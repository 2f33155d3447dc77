//! An image in its four positions, and what each of a scene's methods says of them.

use crate::components::Pixels;
use crate::gallery::{Image, Side};
use crate::lab::Lab;
use crate::state::ScoreName;
use crate::stats::is_anomalous;
use crate::story::Scene;
use crate::text;
use leptos::prelude::*;
use nsa_core::data::{IMAGE_BYTES, SIZE};
use nsa_engine::protocol::{Event, Request};
use std::sync::Arc;

/// Positions of an image, a quarter turn apart.
const POSITIONS: usize = 4;

/// A button for each method, and the image in four positions with the scores of the one chosen.
#[component]
pub fn Turned(lab: Lab) -> impl IntoView {
    let at = RwSignal::new(0);
    let image = Memo::new(move |_| nth_normal(lab, at.get()));
    let turned =
        Memo::new(move |_| image.with(|image| image.as_ref().map_or(Vec::new(), |image| positions(&image.pixels))));
    let rows = scores(lab, turned);
    let judged = move |position: usize| {
        let bundle = lab.model.bundle.get()?;
        let row = bundle.complete(rows.with(|rows| rows.get(position).cloned())?)?;
        let score = *row.get(lab.scores.shown.get())?;
        Some((score, is_anomalous(score, lab.scores.threshold.get()?)))
    };
    let tile = move |position: usize| {
        let said = move || text::story::turned(90 * position, judged(position));
        let planes = move || turned.with(|all| all.get(position).cloned().unwrap_or_default());
        let side = move || judged(position).map(|(_, anomalous)| if anomalous { "ood" } else { "id" });
        view! {
            <li class=side data-testid="turned">
                {move || view! { <Pixels planes=planes() label=said()/> }}
                <p aria-hidden="true">{said}</p>
            </li>
        }
    };
    let runs = Memo::new(move |_| lab.model.catalog.with(|c| c.as_ref().and_then(|c| Scene::Rivals.runs(c))));
    let methods = move || {
        let button = |run: nsa_core::bundle::CatalogEntry| {
            let (id, label) = (run.id.clone(), text::models::method(&run));
            let chosen = move || lab.model.entry.with(|entry| entry.as_ref().is_some_and(|entry| entry.id == id));
            let choose = move |_| {
                let id = run.id.clone();
                lab.choose(|state| (state.model, state.scorer, state.threshold) = (Some(id), None::<ScoreName>, None));
            };
            view! { <button type="button" data-testid="turned-by" aria-pressed=move || chosen().to_string() on:click=choose>{label}</button> }
        };
        runs.get().into_iter().flatten().map(button).collect_view()
    };
    view! {
        <div class="turned">
            <div class="buttons" role="group" aria-label=text::story::JUDGE>{methods}</div>
            <ul>{(0..POSITIONS).map(tile).collect_view()}</ul>
            <button type="button" class="quiet" on:click=move |_| at.update(|at| *at += 1)>{text::story::ANOTHER}</button>
        </div>
    }
}

/// The gallery's normal images, over and over.
fn nth_normal(lab: Lab, at: usize) -> Option<Arc<Image>> {
    lab.gallery.images.with(|images| {
        let normal: Vec<_> = images.iter().filter(|image| image.pick.side == Side::Id).collect();
        normal.get(at % normal.len().max(1)).map(|image| Arc::clone(image))
    })
}

/// What the model on the page gives the images: a row each, once they are there.
fn scores(lab: Lab, images: Memo<Vec<Vec<u8>>>) -> RwSignal<Vec<Vec<f32>>> {
    let rows = RwSignal::new(Vec::new());
    let job = StoredValue::new(None::<u32>);
    Effect::new(move |_| {
        lab.engine.cancel(job.get_value());
        rows.set(Vec::new());
        if !lab.model.loaded.get() || images.with(Vec::is_empty) {
            return;
        }
        let n = images.with(Vec::len);
        let asked = lab.engine.ask(
            |job| Request::Score { job, n },
            &images.with(|images| images.concat()),
            move |event| {
                if let Event::Scored { scores, .. } = event {
                    rows.update(|rows| rows.extend(scores));
                }
            },
        );
        job.set_value(asked);
    });
    rows
}

/// An image (3 x 32 x 32) as it is, and turned to the left by a quarter, a half and three quarters.
fn positions(image: &[u8]) -> Vec<Vec<u8>> {
    let turn = |image: &Vec<u8>| {
        let at = |i: usize| {
            let (channel, y, x) = (i / (SIZE * SIZE), i / SIZE % SIZE, i % SIZE);
            image[channel * SIZE * SIZE + x * SIZE + SIZE - 1 - y]
        };
        (0..IMAGE_BYTES).map(at).collect::<Vec<u8>>()
    };
    let whole = Some(image.to_vec()).filter(|image| image.len() == IMAGE_BYTES);
    std::iter::successors(whole, |image| Some(turn(image))).take(POSITIONS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_turns_come_back() {
        let mut image = vec![0; IMAGE_BYTES];
        image[SIZE - 1] = 7; // the upper right corner of red
        let all = positions(&image);
        // To the left: upper right, upper left, lower left, lower right.
        let corners = [SIZE - 1, 0, SIZE * (SIZE - 1), SIZE * SIZE - 1];
        for (turned, corner) in all.iter().zip(corners) {
            assert_eq!(turned.iter().position(|&value| value == 7), Some(corner));
        }
        assert_eq!(positions(&all[3])[1], image);
        assert!(positions(&[1, 2, 3]).is_empty());
    }
}
