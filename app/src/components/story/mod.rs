//! The guided tour: a scene's words and numbers on one side, the live lab with the scene's models on the other.

mod ask;
mod stage;
mod turned;

use super::tabs::{changed, follow};
use super::{Prose, answers, lab};
use crate::lab::Lab;
use crate::state::{State, View};
use crate::story::{Answer, Answers, Evidence, Fact, Scene, Task, Verdict, evidence};
use crate::text;
use crate::url;
use ask::{Ask, waits};
use leptos::prelude::*;
use nsa_core::bundle::CatalogEntry;
use stage::Stage;

/// The scene shown, and the ways to the others.
#[component]
pub fn Story() -> impl IntoView {
    let lab = lab();
    set_from_a_bare_link(lab);
    let scene = Memo::new(move |_| lab.state.with(Scene::of));
    let runs = Memo::new(move |_| lab.model.catalog.with(|c| c.as_ref().and_then(|c| scene.get().runs(c))));
    let found = Memo::new(move |_| {
        let (first, second) = (lab.model.replay.get(), lab.model.compared.get());
        runs.with(|runs| evidence(scene.get(), runs.as_deref(), first.as_deref(), second.as_deref()))
    });
    let missing = move || {
        !scene.get().settings().is_empty() && lab.model.catalog.with(Option::is_some) && runs.with(Option::is_none)
    };
    let answers = answers();
    let waiting = Memo::new(move |_| waits(lab, answers));
    let formula = move || {
        text::story::formula(scene.get()).map(|(math, words)| {
            view! {
                <figure class="formula">
                    <div inner_html=math></div>
                    <figcaption class="small"><Prose text=words/></figcaption>
                </figure>
            }
        })
    };
    let after = move || text::story::after(scene.get()).filter(|_| !waiting.get());
    let after = move || after().map(|words| view! { <p class="story-words"><Prose text=words/></p> });
    let found =
        move || (!waiting.get()).then(|| facts(lab, scene.get(), &found.get(), &runs.get().unwrap_or_default()));
    let stage = move || {
        let scene = scene.get();
        // What would give the answer away comes with it.
        let shown = move || (scene.task() != Some(Task::Guess) || !waiting.get()).then(|| view! { <Stage scene/> });
        view! { <Ask lab scene waiting/> {shown} }
    };
    let open = move |state: &mut State| state.view = Scene::of(state).view();
    view! {
        <section class="card story" aria-labelledby="story-title" data-scene=move || scene.get().number().to_string()>
            <div class="story-bar">
                <Scenes lab scene/>
                <p class="story-ways">
                    <Way lab by=-1/>
                    <Way lab by=1/>
                    <a class="button" data-testid="scene-open" href=move || lab.state.with(|s| changed(s, open)) on:click=move |e| follow(lab, &e, open)>
                        {text::story::OPEN}
                    </a>
                </p>
            </div>
            <div class="story-body">
                <div class="story-text">
                    <header aria-live="polite">
                        <p class="small" data-testid="scene-number">{move || text::story::number(scene.get())}</p>
                        <h2 id="story-title" data-testid="scene-title">{move || text::story::title(scene.get())}</h2>
                        <p class="story-words"><Prose text=Signal::derive(move || text::story::body(scene.get()).to_string())/></p>
                    </header>
                    {formula}
                    {after}
                    <p class="empty" data-testid="scene-missing" hidden=move || !missing()>{text::story::NO_RUNS}</p>
                    {found}
                </div>
                <div class="story-stage">{stage}</div>
            </div>
        </section>
    }
}

/// The scene before or after, as far as there is one; from another view the one that the address names. Before a room
/// the way on shows first what the scene has asked.
pub fn step(lab: Lab, answers: Answers, by: isize) {
    let (scene, room) = lab.state.with_untracked(|s| (Scene::of(s), s.is_for_a_room() && s.view == View::Story));
    if room && by > 0 && untrack(|| waits(lab, answers)) {
        return answers.take(scene, Answer::Shown);
    }
    if let Some(scene) = neighbour(&lab.state.get_untracked(), by) {
        let catalog = lab.model.catalog.get_untracked();
        lab.choose(|state| scene.set(catalog.as_ref(), state));
    }
}

fn neighbour(state: &State, by: isize) -> Option<Scene> {
    let at = (Scene::of(state).number() - 1).checked_add_signed(by)?;
    Scene::ALL.get(at).copied()
}

/// A link that names a scene and no models gets the scene's, once it is known which there are.
fn set_from_a_bare_link(lab: Lab) {
    Effect::new(move |_| {
        let Some(catalog) = lab.model.catalog.get() else { return };
        let bare = lab.state.with_untracked(|s| s.model.is_none() && s.compare.is_none());
        if bare && !Scene::of(&lab.state.get_untracked()).settings().is_empty() {
            lab.state.update(|state| Scene::of(state).set(Some(&catalog), state));
            lab.state.with_untracked(url::replace);
        }
    });
}

/// All scenes by their number.
#[component]
fn Scenes(lab: Lab, scene: Memo<Scene>) -> impl IntoView {
    let link = move |target: Scene| {
        let change = move |state: &mut State| target.set(lab.model.catalog.get_untracked().as_ref(), state);
        let href = move || {
            lab.model.catalog.track();
            lab.state.with(|s| changed(s, change))
        };
        let current = move || (scene.get() == target).then_some("step");
        view! {
            <li>
                <a href=href aria-current=current title=text::story::title(target) on:click=move |e| follow(lab, &e, change)>
                    <span aria-hidden="true">{target.number()}</span>
                    <span class="visually-hidden">{text::story::title(target)}</span>
                </a>
            </li>
        }
    };
    view! {
        <nav class="scenes" aria-label=text::story::SCENES>
            <ol>{Scene::ALL.into_iter().map(link).collect_view()}</ol>
        </nav>
    }
}

/// The button to the scene before or after.
#[component]
fn Way(lab: Lab, by: isize) -> impl IntoView {
    let answers = answers();
    let none = move || lab.state.with(|s| neighbour(s, by).is_none());
    let (label, testid) = if by < 0 { (text::story::BACK, "scene-back") } else { (text::story::NEXT, "scene-next") };
    view! { <button type="button" data-testid=testid disabled=none on:click=move |_| step(lab, answers, by)>{label}</button> }
}

/// The paper's numbers beside ours, and what follows.
fn facts(lab: Lab, scene: Scene, found: &Evidence, runs: &[CatalogEntry]) -> impl IntoView + use<> {
    let row = |fact: &Fact| {
        let missing = fact.ours.is_none();
        let ours = fact.ours.clone().unwrap_or(text::story::NOT_YET.into());
        view! {
            <tr>
                <th scope="row"><Prose text=fact.what.clone()/></th>
                <td>{fact.paper.clone()}</td>
                <td class:open=missing>{ours}</td>
            </tr>
        }
    };
    let models: Vec<String> = match runs {
        [] => lab.model.entry.with(|e| e.iter().map(text::models::label).collect()),
        runs => runs.iter().map(text::models::label).collect(),
    };
    let kind = match found.verdict {
        Verdict::Agrees => "agrees",
        Verdict::Differs => "differs",
        Verdict::Unclear => "unclear",
        Verdict::Open => "open",
    };
    let verdict = text::story::verdict(scene, found.verdict)
        .map(|words| view! { <p class="verdict" data-testid="verdict" data-verdict=kind>{words}</p> });
    (!found.facts.is_empty()).then(|| {
        view! {
            <div class="facts" data-testid="facts">
                <p class="small facts-of">{models.join("; ")}</p>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{text::story::MEASURED}</th>
                            <th scope="col">{text::story::PAPER}</th>
                            <th scope="col">{text::story::OURS}</th>
                        </tr>
                    </thead>
                    <tbody>{found.facts.iter().map(row).collect_view()}</tbody>
                </table>
                {verdict}
                <p class="small facts-how">{text::story::HOW}</p>
            </div>
        }
    })
}
