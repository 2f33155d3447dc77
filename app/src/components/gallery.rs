//! The images, each with its score.

use super::{Choices, Pixels, Prose, detail, lab};
use crate::gallery::{Image, Side, is_mistake};
use crate::lab::{Lab, Topic};
use crate::state::{Filter, LAST_SEED, Sort};
use crate::text;
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

/// All images of the gallery in the order and choice that a person wants.
#[component]
pub fn Gallery() -> impl IntoView {
    let lab = lab();
    let shown = move || {
        let images = lab.gallery.images.get();
        lab.scores.order.get().into_iter().filter_map(|i| Some((i, images.get(i)?.clone()))).collect::<Vec<_>>()
    };
    let missing = move || {
        let message =
            lab.notices.problems.with(|p| p.iter().find(|p| p.topic == Topic::Gallery).map(|p| p.message.clone()));
        message.map(|message| view! { <p class="empty" role="alert" data-testid="gallery-note">{message}</p> })
    };
    let no_mistakes = move || {
        let nothing = lab.scores.order.with(Vec::is_empty) && lab.gallery.images.with(|images| !images.is_empty());
        nothing.then(|| view! { <p class="empty">{text::NOTHING_SHOWN}</p> })
    };
    let list = NodeRef::<html::Ul>::new();
    let keys = move |event: KeyboardEvent| {
        if let Some(list) = list.get_untracked() {
            let _ = go(&list, &event);
        }
    };
    // The tile that the tab key comes to: the one last focused, or the first.
    let focused = RwSignal::new(None::<usize>);
    let first = Memo::new(move |_| lab.scores.order.with(|order| order.first().copied()));
    let there = Memo::new(move |_| lab.scores.order.with(|order| focused.get().filter(|i| order.contains(i))));
    let current = Current { tab_stop: Memo::new(move |_| there.get().or(first.get())), focused };
    let draw_others =
        move |_| lab.choose(|state| state.seed = if state.seed >= LAST_SEED { 0 } else { state.seed + 1 });
    let title = move || lab.model.entry.with(|e| e.as_ref().map_or(text::GALLERY_TITLE.into(), text::models::knows));
    let lead = move || {
        text::gallery_lead(lab.model.entry.with(|e| e.as_ref().map(|e| text::models::things(&e.dataset, e.id_class))))
    };
    let number = move || lab.scores.title().map_or(String::new(), |title| text::gallery_number(&title));
    let credit = move || {
        let shown = lab.gallery.images.with(|images| !images.is_empty());
        lab.model.entry.with(|e| e.as_ref().filter(|_| shown).and_then(|e| text::models::credit(&e.dataset)))
    };
    view! {
        <section class="card gallery" data-part="gallery" aria-labelledby="gallery-title">
            <header data-part="lead">
                <h2 id="gallery-title">{title}</h2>
                <p class="lead">{lead}</p>
                <p class="small"><Prose text=Signal::derive(number)/></p>
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
            <Marks lab/>
            {missing}
            {no_mistakes}
            <ul class="tiles" node_ref=list on:keydown=keys aria-label=text::score::TILES>
                <For each=shown key=|(i, image)| (*i, Arc::as_ptr(image) as usize) let((i, image))>
                    <Tile lab i image current/>
                </For>
            </ul>
            <p class="small" hidden=move || credit().is_none()>{credit}</p>
        </section>
    }
}

/// The arrow keys go from tile to tile, so that the whole gallery is one stop of the tab key.
fn go(list: &web_sys::HtmlElement, event: &KeyboardEvent) -> Option<()> {
    let tiles = list.query_selector_all(".tile-button").ok()?;
    let tile = |i: u32| tiles.get(i).and_then(|t| t.dyn_into::<web_sys::HtmlElement>().ok());
    let focused = document().active_element()?;
    let at = (0..tiles.length()).find(|&i| tile(i).is_some_and(|t| t.is_same_node(Some(&focused))))?;
    let top = |i: u32| tile(i).map(|t| t.get_bounding_client_rect().top());
    // As many columns as tiles stand in the first row.
    let columns = (0..tiles.length()).take_while(|&i| top(i) == top(0)).count() as u32;
    let next = match event.key().as_str() {
        "ArrowLeft" => at.checked_sub(1)?,
        "ArrowRight" => at + 1,
        "ArrowUp" => at.checked_sub(columns)?,
        "ArrowDown" => at + columns,
        "Home" => 0,
        "End" => tiles.length().checked_sub(1)?,
        _ => return None,
    };
    event.prevent_default();
    tile(next)?.focus().ok()
}

/// Which tile the tab key comes to.
#[derive(Clone, Copy)]
struct Current {
    tab_stop: Memo<Option<usize>>,
    focused: RwSignal<Option<usize>>,
}

/// One image: its picture, which side it is on, its score. It opens the image's details.
#[component]
fn Tile(lab: Lab, i: usize, image: Arc<Image>, current: Current) -> impl IntoView {
    let pick = image.pick;
    // The list knows a tile by its image's address: as long as the tile is there, no other image may get that.
    let _kept = StoredValue::new(Arc::clone(&image));
    let name = pick.name();
    let selected = Memo::new(move |_| lab.state.with(|s| s.select == Some(name)));
    let marked = Memo::new(move |_| lab.state.with(|s| s.marks.contains(&name)));
    let open = move |_| lab.choose(|state| detail::open(state, name));
    let tab_stop = move || if current.tab_stop.get() == Some(i) { "0" } else { "-1" };
    let value = Memo::new(move |_| lab.scores.values.with(|values| values.get(i).copied().flatten()));
    let mistaken = Memo::new(move |_| is_mistake(pick.side, value.get(), lab.scores.threshold.get()));
    let label = Signal::derive(move || {
        let class = lab.model.class_name(pick.class);
        text::tile(pick.side == Side::Id, &class, value.get(), mistaken.get(), marked.get())
    });
    view! {
        <li
            class="tile"
            class:mistake=mistaken
            class:selected=selected
            class:marked=marked
            data-testid="tile"
            data-split=pick.side.word()
            data-class=pick.class.to_string()
            data-index=pick.index.to_string()
            data-score=move || value.get().map_or(String::new(), |v| v.to_string())
        >
            <button
                type="button"
                class="tile-button"
                aria-label=label
                title=label
                aria-haspopup="dialog"
                tabindex=tab_stop
                on:focus=move |_| current.focused.set(Some(i))
                on:click=open
            >
                <Pixels planes=image.pixels.clone() label=String::new()/>
                <span class="tile-score">{move || value.get().map_or("…".into(), |v| format!("{v:.3}"))}</span>
            </button>
        </li>
    }
}

/// How many images are marked, and a way to unmark them.
#[component]
pub fn Marks(lab: Lab) -> impl IntoView {
    let n = Memo::new(move |_| lab.state.with(|s| s.marks.len()));
    view! {
        <p class="marks" data-testid="marks" hidden=move || n.get() == 0>
            <span>{move || text::marked(n.get())}</span>
            <button type="button" class="quiet" on:click=move |_| lab.choose(|state| state.marks.clear())>{text::UNMARK}</button>
        </p>
    }
}
