/** Why a tenure ended: the panel lost the user, its owner changed, or it was deleted through this service. */
export type TenureEnd = 'panel' | 'transfer' | 'service'
