//! The picture of the hypersphere without the page: where points lie, what they stand for, how they are seen.

mod density;
mod dots;
mod lasso;
mod summary;
mod viewpoint;

pub use density::{Segment, contours};
pub use dots::{Dot, Kind, Origin, Projected, frame_dots, gallery_dots, known_places, own_dots, sample_dots};
pub use lasso::enclosed;
pub use summary::{Spread, summary};
pub use viewpoint::{Lens, Point, Seen, Viewpoint, hit, on_ball, parallel};
