//! How compactly the features came to lie, epoch by epoch.

use super::{Chart, lab, use_width};
use crate::charts::{Frame, training};
use crate::state::scorer_word;
use crate::text;
use leptos::html;
use leptos::prelude::*;
use nsa_core::bundle::History;

/// κ of ID and OOD features against epochs, AUROC beside it.
#[component]
pub fn Training() -> impl IntoView {
    let lab = lab();
    let history = Memo::new(move |_| lab.bundle.with(|b| b.as_ref().map_or(History::default(), |b| b.history.clone())));
    let scorer = Memo::new(move |_| lab.score_entry().map(|s| s.scorer));

    let kappa_node = NodeRef::<html::Figure>::new();
    let kappa_width = use_width(kappa_node);
    let kappa = Memo::new(move |_| {
        let width = kappa_width.get();
        history.with(|h| training::kappa((width, (width * 0.5).clamp(220.0, 340.0)), h))
    });
    let auroc_node = NodeRef::<html::Figure>::new();
    let auroc_width = use_width(auroc_node);
    let auroc = Memo::new(move |_| {
        let width = auroc_width.get();
        history.with(|h| training::auroc((width, (width * 0.68).clamp(200.0, 340.0)), h, scorer.get()))
    });
    let auroc_title = move || {
        let shown = history.with(|h| training::scorer_shown(h, scorer.get()));
        text::compact::auroc_title(shown.map(|s| text::scorer(&scorer_word(s)).to_string()))
    };
    view! {
        <section class="card training" data-part="curves" aria-labelledby="training-title">
            <header data-part="lead">
                <h2 id="training-title">{text::compact::TITLE}</h2>
                <p class="lead">{text::compact::LEAD}</p>
            </header>
            <p class="legend">
                <span class="key id line">{text::ID}</span>
                <span class="key ood line">{text::OOD}</span>
            </p>
            <div class="pair">
                <div>
                    <h3>{text::compact::KAPPA_TITLE}</h3>
                    <Chart testid="chart-kappa" node=kappa_node plot=kappa overlay=|_: &Frame| ()/>
                </div>
                <div>
                    <h3>{auroc_title}</h3>
                    <Chart testid="chart-auroc" node=auroc_node plot=auroc overlay=|_: &Frame| ()/>
                </div>
            </div>
        </section>
    }
}
