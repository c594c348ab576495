export type PlacementMessage = never
