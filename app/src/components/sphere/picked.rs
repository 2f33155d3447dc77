//! The image that is pointed at, or the one selected.

use crate::components::{Pixels, Prose, detail};
use crate::gallery::{Pick, Side, Source};
use crate::lab::Lab;
use crate::sphere::{Dot, Kind, Origin};
use crate::state::ImageName;
use crate::text;
use leptos::prelude::*;
use std::sync::Arc;

/// Its picture where it can be had, its class, its angle and its score.
#[component]
pub fn Picked(
    lab: Lab,
    dots: Memo<Arc<Vec<Dot>>>,
    /// The one pointed at.
    hovered: RwSignal<Option<Dot>>,
) -> impl IntoView {
    let shown = Memo::new(move |_| hovered.get().or_else(|| selected(lab, &dots.get())));
    let body = move || match shown.get() {
        None => view! { <p class="small">{text::sphere::NOTHING_PICKED}</p> }.into_any(),
        Some(dot) => {
            let name = name(lab, &dot);
            let picture = pixels(lab, &dot).map(|planes| view! { <Pixels planes label=name.clone()/> });
            let kind = match dot.kind {
                Kind::Id => "id",
                Kind::Ood => "ood",
                Kind::Own => "own",
            };
            let held = move || lab.state.with(|s| s.select == Some(dot.name));
            let press = move |_| {
                let wanted = (!held()).then_some(dot.name);
                lab.choose(|state| state.select = wanted);
            };
            // Details can be shown of images that were scored here.
            let details = (!matches!(dot.origin, Origin::Sample(_))).then(|| {
                let show = move |_| lab.choose(|state| detail::open(state, dot.name));
                view! { <button type="button" class="quiet" on:click=show>{text::sphere::DETAILS}</button> }
            });
            view! {
                {picture}
                <div class=kind>
                    <p class="name">{name}</p>
                    <dl>
                    <div><dt><Prose text=text::sphere::ANGLE/></dt><dd>{text::sphere::degrees(dot.angle)}</dd></div>
                    <div><dt>{text::sphere::SCORE}</dt><dd>{dot.score.map_or("–".into(), |s| format!("{s:.3}"))}</dd></div>
                    </dl>
                </div>
                <p class="picked-ways">
                    <button type="button" class="quiet" on:click=press>
                        {move || if held() { text::sphere::LET_GO } else { text::sphere::SELECT }}
                    </button>
                    {details}
                </p>
            }
            .into_any()
        }
    };
    view! { <div class="picked" data-testid="picked" aria-live="polite">{body}</div> }
}

fn selected(lab: Lab, dots: &[Dot]) -> Option<Dot> {
    let wanted = lab.state.with(|s| s.select)?;
    dots.iter().find(|dot| dot.name == wanted).cloned()
}

fn name(lab: Lab, dot: &Dot) -> String {
    if let Origin::Own(key) = dot.origin {
        return lab.own.images.with(|own| own.iter().find(|i| i.key == key).map_or(String::new(), |i| i.name.clone()));
    }
    text::sphere::name(dot.kind == Kind::Id, &dot.class.map_or(String::new(), |class| lab.model.class_name(class)))
}

/// The picture of a point: samples of synth-digits are drawn anew, other data sets' images are not ours to have.
fn pixels(lab: Lab, dot: &Dot) -> Option<Vec<u8>> {
    match (dot.origin, dot.name) {
        (Origin::Own(key), _) => {
            lab.own.images.with(|own| own.iter().find(|i| i.key == key)?.pixels.as_ref().map(|p| p.to_vec()))
        }
        (Origin::Image(at), _) => lab.gallery.images.with(|images| images.get(at).map(|image| image.pixels.clone())),
        (Origin::Sample(_), ImageName::Test { class, index }) => {
            Source::SynthDigits.image(Pick { side: Side::Id, class, index }).map(|image| image.pixels)
        }
        (Origin::Sample(_), _) => None,
    }
}
