//! Where the cube's points lie on the city's plane: found beside the view and not under its lock.

use blotter_city::Profile;
use blotter_cube::Cube;
use blotter_hotspot::{Error, Extent, Sites};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Those of one view's cube, as far as they were found; shared, so that they are added to without the view's lock.
#[derive(Clone, Debug)]
pub(crate) struct CubeSites(Arc<Mutex<Result<Arc<Sites>, Error>>>);

impl CubeSites {
    /// None yet. Always of all of the city: the colour of a place must not depend on what is looked at.
    pub(crate) fn new(profile: &Profile) -> Self {
        let city = profile.bounding_box;
        let bounds = Extent { west: city.west, south: city.south, east: city.east, north: city.north };
        Self(Arc::new(Mutex::new(Sites::new(bounds).map(Arc::new))))
    }

    /// What is known of the cube's, and the points of which it is not. Refused where the profile's box is wider than a plane.
    pub(crate) fn of(&self, cube: &Cube) -> Result<Outstanding, Error> {
        let known = self.locked().clone()?;
        let further = cube.place_points(known.added()).to_vec();
        Ok(Outstanding { all: self.clone(), known, further })
    }

    fn locked(&self) -> MutexGuard<'_, Result<Arc<Sites>, Error>> {
        // It is set as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Points whose sites are still to be found.
pub(crate) struct Outstanding {
    all: CubeSites,
    known: Arc<Sites>,
    further: Vec<(f64, f64)>,
}

impl Outstanding {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.further.len()
    }

    /// Finds them: the sites of all points of the cube, as it was when they were asked for.
    pub(crate) fn found(self) -> Arc<Sites> {
        if self.further.is_empty() {
            return self.known;
        }
        let mut sites = Arc::unwrap_or_clone(self.known);
        sites.add(&self.further);
        let sites = Arc::new(sites);
        let mut known = self.all.locked();
        // Unless somebody else was faster.
        if known.as_ref().is_ok_and(|known| known.added() < sites.added()) {
            *known = Ok(Arc::clone(&sites));
        }
        sites
    }
}
