/** What the portal asks to be said wherever its data is shown. */
import type { Profile } from "../api/types";

interface Props {
  readonly profile: Profile;
  readonly simulated: boolean;
}

export function Disclaimer({ profile, simulated }: Props) {
  return (
    <footer class="disclaimer" data-testid="disclaimer">
      <p>{profile.disclaimer}</p>
      <p>
        Reported incidents, not convictions; places are coarsened to blocks by the city before publication.
        Times are {profile.name}’s ({profile.time_zone}).{" "}
        {profile.portal !== null && !simulated && (
          <a href={profile.portal} rel="noreferrer">
            Source: {new URL(profile.portal).hostname}
          </a>
        )}
      </p>
    </footer>
  );
}
