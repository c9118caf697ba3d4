import { ApiProperty } from '@nestjs/swagger';

const Str = (): PropertyDecorator => ApiProperty({ type: String });
const NullStr = (): PropertyDecorator => ApiProperty({ type: String, nullable: true });

export class BundleResponse {
  @Str() bundle_name!: string;
  @ApiProperty({ enum: ['folder', 'git', 's3'] }) kind!: string;
  @Str() location!: string;
  @NullStr() ref!: string | null;
  @NullStr() version!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) last_synced!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) last_checked!: string | null;
  @NullStr() problem!: string | null;
}

export class BundleCollectionResponse {
  @ApiProperty({ type: () => [BundleResponse] }) bundles!: BundleResponse[];
  @ApiProperty({ type: 'integer' }) total_entries!: number;
}
