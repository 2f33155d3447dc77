//! What a one-class model learns from and what it is judged on, side by side.

/// Of the ID class, and of all others.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sides<T> {
    /// Of the ID class.
    pub id: T,
    /// Of the other classes.
    pub ood: T,
}

/// Images, or their features: what was trained on, and what is judged by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sets<T> {
    /// Trained on, outliers last.
    pub train: T,
    /// Validation images; none if none were held back.
    pub validation: Option<Sides<T>>,
    /// Test images.
    pub test: Sides<T>,
}

impl<T> Sides<T> {
    /// The same of each.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> Sides<U> {
        Sides { id: make(self.id), ood: make(self.ood) }
    }

    /// By reference.
    pub fn as_ref(&self) -> Sides<&T> {
        Sides { id: &self.id, ood: &self.ood }
    }

    /// The same of each, or the first failure.
    pub fn try_map<U, E>(self, mut make: impl FnMut(T) -> Result<U, E>) -> Result<Sides<U>, E> {
        Ok(Sides { id: make(self.id)?, ood: make(self.ood)? })
    }
}

impl<T> Sets<T> {
    /// The same of each.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> Sets<U> {
        let train = make(self.train);
        let validation = self.validation.map(|sides| sides.map(&mut make));
        Sets { train, validation, test: self.test.map(make) }
    }

    /// By reference.
    pub fn as_ref(&self) -> Sets<&T> {
        Sets { train: &self.train, validation: self.validation.as_ref().map(Sides::as_ref), test: self.test.as_ref() }
    }

    /// What is judged: test and, if there are any, validation.
    pub fn judged(&self) -> impl Iterator<Item = &T> {
        let sides = std::iter::once(&self.test).chain(&self.validation);
        sides.flat_map(|Sides { id, ood }| [id, ood])
    }
}
