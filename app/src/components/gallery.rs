//! The images, each with its score.

use super::{Choices, Pixels, lab};
use crate::gallery::{Image, Side, is_mistake};
use crate::lab::{Lab, Topic};
use crate::state::{Filter, LAST_SEED, Sort};
use crate::text;
use leptos::prelude::*;
use std::sync::Arc;

/// All images of the gallery in the order and choice that a person wants.
#[component]
pub fn Gallery() -> impl IntoView {
    let lab = lab();
    let shown = move || {
        let images = lab.images.get();
        lab.order.get().into_iter().filter_map(|i| Some((i, images.get(i)?.clone()))).collect::<Vec<_>>()
    };
    let missing = move || {
        let message = lab.problems.with(|p| p.iter().find(|p| p.topic == Topic::Gallery).map(|p| p.message.clone()));
        message.map(|message| view! { <p class="empty" role="alert" data-testid="gallery-note">{message}</p> })
    };
    let no_mistakes = move || {
        let nothing = lab.order.with(Vec::is_empty) && lab.images.with(|images| !images.is_empty());
        nothing.then(|| view! { <p class="empty">{text::NOTHING_SHOWN}</p> })
    };
    let draw_others =
        move |_| lab.choose(|state| state.seed = if state.seed >= LAST_SEED { 0 } else { state.seed + 1 });
    view! {
        <section class="card gallery" data-part="gallery" aria-labelledby="gallery-title">
            <header data-part="lead">
                <h2 id="gallery-title">{text::GALLERY_TITLE}</h2>
                <p class="lead">{move || text::gallery_lead(class_name(lab, lab.recipe.with(|r| r.as_ref().map(|r| r.id_class))))}</p>
            </header>
            <div class="toolbar" data-part="toolbar">
                <Choices
                    legend=text::SHOW
                    name="filter"
                    options=Filter::ALL.iter().map(|&f| (f, text::filter(f))).collect()
                    chosen=Signal::derive(move || lab.state.with(|s| s.filter))
                    choose=move |filter| lab.choose(|state| state.filter = filter)
                />
                <Choices
                    legend=text::SORT
                    name="sort"
                    options=Sort::ALL.iter().map(|&s| (s, text::sort(s))).collect()
                    chosen=Signal::derive(move || lab.state.with(|s| s.sort))
                    choose=move |sort| lab.choose(|state| state.sort = sort)
                />
                <button type="button" class="quiet" on:click=draw_others>{text::OTHER_IMAGES}</button>
            </div>
            {missing}
            {no_mistakes}
            <ul class="tiles">
                <For each=shown key=|(i, image)| (*i, Arc::as_ptr(image) as usize) let((i, image))>
                    <Tile lab i image/>
                </For>
            </ul>
        </section>
    }
}

/// One image: its picture, which side it is on, its score.
#[component]
fn Tile(lab: Lab, i: usize, image: Arc<Image>) -> impl IntoView {
    let pick = image.pick;
    let value = Memo::new(move |_| lab.values.with(|values| values.get(i).copied().flatten()));
    let mistaken = Memo::new(move |_| is_mistake(pick.side, value.get(), lab.threshold.get()));
    let label = Signal::derive(move || {
        let class = class_name(lab, Some(pick.class)).unwrap_or_default();
        text::tile(pick.side == Side::Id, &class, value.get(), mistaken.get())
    });
    view! {
        <li
            class="tile"
            class:mistake=mistaken
            data-testid="tile"
            data-split=pick.side.word()
            data-class=pick.class.to_string()
            data-index=pick.index.to_string()
            data-score=move || value.get().map_or(String::new(), |v| v.to_string())
            title=label
        >
            <Pixels planes=image.pixels.clone() label/>
            <span class="tile-score" aria-hidden="true">{move || value.get().map_or("…".into(), |v| format!("{v:.3}"))}</span>
        </li>
    }
}

/// A class's name, or its number until the model has told the names.
fn class_name(lab: Lab, class: Option<usize>) -> Option<String> {
    let class = class?;
    let named = lab.bundle.with(|b| b.as_ref()?.manifest.classes.get(class).cloned());
    Some(named.unwrap_or_else(|| class.to_string()))
}
