//! A scene's question, and what came of the reader's answer.

use crate::components::{Pixels, Prose, answers};
use crate::gallery::{Image, Side};
use crate::lab::Lab;
use crate::replay::Replay;
use crate::stats::{Readout, percent};
use crate::story::{Answer, Answers, Scene, Task, ask};
use crate::text;
use leptos::prelude::*;
use std::sync::Arc;

/// Normal images flagged at most where the scene of scores has got what it asked for.
const FLAGGED: f64 = 0.1;

/// Whether a scene still waits for its reader. One whose runs are not there has nothing to tell, and does not ask.
pub fn waits(lab: Lab, answers: Answers) -> bool {
    let scene = lab.state.with(Scene::of);
    let tells = scene.settings().is_empty()
        || lab.model.catalog.with(|catalog| catalog.as_ref().is_none_or(|catalog| scene.runs(catalog).is_some()));
    scene.task().is_some() && tells && answers.of(scene).is_none()
}

/// The question of the scene shown, then what came of it.
#[component]
pub fn Ask(
    lab: Lab,
    scene: Scene,
    /// Whether it waits.
    waiting: Memo<bool>,
) -> impl IntoView {
    let answers = answers();
    notice_deeds(lab, answers, scene);
    let question = text::story::ask(scene)?;
    let told = Memo::new(move |_| told(lab, answers, scene));
    let guess = scene.task() == Some(Task::Guess);
    let body = move || {
        if waiting.get() {
            return view! {
                <p class="question"><Prose text=question/></p>
                {guess.then(|| view! { <Choices lab scene/> })}
                <button type="button" class="quiet" data-testid="scene-show" on:click=move |_| answers.take(scene, Answer::Shown)>
                    {text::story::SHOW}
                </button>
            }
            .into_any();
        }
        view! { <p class="outcome" role="status" data-testid="scene-outcome">{told}</p> }.into_any()
    };
    // A scene that never asks because its runs are missing has no outcome either.
    let there = move || waiting.get() || told.with(Option::is_some);
    Some(view! { <div class="ask" data-testid="scene-ask" hidden=move || !there()>{body}</div> })
}

/// What there is to choose from: two images, or a few words.
#[component]
fn Choices(lab: Lab, scene: Scene) -> impl IntoView {
    let answers = answers();
    let button = move |at: usize, body: AnyView| {
        let choose = move |_| answers.take(scene, Answer::Guessed(at));
        view! { <button type="button" data-testid="scene-choice" on:click=choose>{body}</button> }
    };
    if scene != Scene::Detector {
        let words = text::story::choices(scene).iter().enumerate().map(|(at, words)| button(at, (*words).into_any()));
        return view! { <div class="choices-row">{words.collect_view()}</div> }.into_any();
    }
    // While the gallery fills, the two stay what they are.
    let shown = Memo::new(move |_| {
        let places = pair(lab)?;
        lab.gallery.images.with(|images| Some(places.map(|at| Arc::clone(&images[at]))))
    });
    let pictures = move || {
        let picture = |(at, image): (usize, Arc<Image>)| {
            let (planes, name) = (image.pixels.clone(), text::story::PAIR[at]);
            button(at, view! { <Pixels planes label=String::new()/> <span>{name}</span> }.into_any())
        };
        shown.get().map(|images| images.into_iter().enumerate().map(picture).collect_view())
    };
    view! { <div class="choices-row pair-row">{pictures}</div> }.into_any()
}

/// Two images of the gallery, left and right: one of each side, in an order that gives nothing away.
fn pair(lab: Lab) -> Option<[usize; 2]> {
    lab.gallery.images.with(|images| {
        let first = |side| images.iter().position(|image| image.pick.side == side);
        let (id, ood) = (first(Side::Id)?, first(Side::Ood)?);
        let swap = (images[ood].pick.class + images[id].pick.index) % 2 == 1;
        Some(if swap { [ood, id] } else { [id, ood] })
    })
}

/// What came of the answer; none while nobody has answered, or what is needed is still on its way.
fn told(lab: Lab, answers: Answers, scene: Scene) -> Option<String> {
    let answer = answers.of(scene)?;
    let (right, words) = truth(lab, scene)?;
    let was_right = match (answer, right) {
        (Answer::Guessed(guess), Some(right)) => Some(guess == right),
        _ => None,
    };
    Some(text::story::outcome(was_right, &words))
}

/// The right choice where there was one, and the answer in words.
fn truth(lab: Lab, scene: Scene) -> Option<(Option<usize>, String)> {
    let guessed = |(right, words)| (Some(right), words);
    match scene {
        Scene::Detector => {
            let [left, right] = pair(lab)?;
            let (a, b) = lab.scores.values.with(|v| Some((v.get(left).copied()??, v.get(right).copied()??)))?;
            let anomaly_left =
                lab.gallery.images.with(|images| images.get(left).is_some_and(|i| i.pick.side == Side::Ood));
            Some((Some(usize::from(b > a)), text::story::pair_told([a, b], anomaly_left)))
        }
        Scene::Training => ask::training(&*run(lab, scene, 0)?).map(guessed),
        Scene::Kappa => ask::kappa(&*run(lab, scene, 0)?).map(|words| (None, words)),
        Scene::Norm => ask::norm(&*run(lab, scene, 0)?, &*run(lab, scene, 1)?).map(guessed),
        Scene::Scores => {
            readout(lab).map(|r| (None, text::story::threshold_told(&percent(r.tpr()), &percent(r.fpr()))))
        }
        Scene::StopGrad | Scene::Pollution | Scene::YourTurn | Scene::Live | Scene::Rivals | Scene::Collapse => None,
    }
}

/// What was measured of one of the scene's runs, if it is the one that the page has.
fn run(lab: Lab, scene: Scene, at: usize) -> Option<Arc<Replay>> {
    let wanted = lab.model.catalog.with(|catalog| Some(scene.runs(catalog.as_ref()?)?.get(at)?.id.clone()))?;
    let here = if at == 0 { lab.model.replay.get() } else { lab.model.compared.get() };
    here.filter(|replay| replay.manifest.id == wanted)
}

fn readout(lab: Lab) -> Option<Readout> {
    let threshold = lab.scores.threshold.get()?;
    lab.scores.sides.with(|s| (!s.id.is_empty() && !s.ood.is_empty()).then(|| Readout::new(&s.id, &s.ood, threshold)))
}

/// A scene that waits for a deed hears of it.
fn notice_deeds(lab: Lab, answers: Answers, scene: Scene) {
    Effect::new(move |_| {
        let done = match scene {
            Scene::Kappa => lab.state.with(|s| s.epoch.is_some()),
            Scene::Scores => {
                lab.state.with(|s| s.threshold.is_some()) && readout(lab).is_some_and(|r| r.fpr() <= FLAGGED)
            }
            _ => false,
        };
        if done && untrack(|| waits(lab, answers)) {
            answers.take(scene, Answer::Acted);
        }
    });
}
