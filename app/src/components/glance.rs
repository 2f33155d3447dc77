//! Why it works, at a glance: the curve of concentration and the hypersphere, and the ways to their views.

use super::compact::{Curve, Legend, ReplayedSphere, Which};
use super::{Prose, ViewLink, lab};
use crate::charts::training::Measure;
use crate::state::View;
use crate::text;
use leptos::prelude::*;

/// What the first view shows of the views of training and of the hypersphere.
#[component]
pub fn Glance() -> impl IntoView {
    let _ = lab();
    view! {
        <section class="card glance" aria-labelledby="glance-title">
            <header data-part="lead">
                <h2 id="glance-title">{text::shell::GLANCE_TITLE}</h2>
                <p class="lead"><Prose text=text::shell::GLANCE_LEAD/></p>
            </header>
            <Legend/>
            <div class="curves">
                <div data-part="curves">
                    <Curve measure=Measure::Kappa which=Which::First/>
                    <p><ViewLink view=View::Compact>{text::shell::OPEN_COMPACT}</ViewLink></p>
                </div>
                <div data-part="sphere">
                    <ReplayedSphere which=Which::First/>
                    <p><ViewLink view=View::Sphere>{text::shell::OPEN_SPHERE}</ViewLink></p>
                </div>
            </div>
        </section>
    }
}
